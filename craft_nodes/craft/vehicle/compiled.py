"""How the scalar functions of the vehicle and of the counterfactual world are compiled."""

from numba import njit

# Without numba's reference counting: these functions read and write arrays that others own and allocate nothing, and
# the counting is an atomic operation for every array at every call. Always inlined: tables and configurations are
# passed as tuples of arrays and numbers, more than a hundred words that a real call would copy. Each of the two cost
# more than the arithmetic.
inner = njit(_nrt=False, forceinline=True)  # called by compiled code only
callable_from_python = njit(cache=True, _nrt=False, forceinline=True)
