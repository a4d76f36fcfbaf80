# Sets ORIGINAL_INSTALLED where a package with this project's name is installed outside of our own prefix: the original
# then serves, and ours must not shadow it.
set(ORIGINAL_INSTALLED OFF)
string(REPLACE ":" ";" prefixes "$ENV{AMENT_PREFIX_PATH}")
foreach(prefix IN LISTS prefixes)
  cmake_path(IS_PREFIX CMAKE_INSTALL_PREFIX "${prefix}" NORMALIZE ours)
  if(NOT ours AND EXISTS "${prefix}/share/ament_index/resource_index/rosidl_interfaces/${PROJECT_NAME}")
    set(ORIGINAL_INSTALLED ON)
    # Printed when this package is "installed"; without any install rule colcon would warn.
    install(CODE "message(STATUS \"${PROJECT_NAME}: the original in ${prefix} is used\")")
    break()
  endif()
endforeach()
