# syntax=docker/dockerfile:1
# The stack on an ordinary ROS 2 Jazzy: `docker build -t craft . && docker run --rm -it --shm-size 1g craft`.
# The default command trains on the embedded simulator; append launch arguments to change that, for example
#   docker run --rm -it --network host craft ros2 launch craft_bringup train.launch.py world:=carla host:=localhost

# ---- the package manifests alone, so that the dependencies are installed again only when one of them changes ---------
FROM ros:jazzy-ros-base AS manifests
WORKDIR /manifests
COPY . /source
RUN for file in craft_nodes/package.xml $(cd /source && ls ros_ws/src/*/package.xml); do \
      mkdir -p "$(basename "$(dirname "$file")")" && cp "/source/$file" "$(basename "$(dirname "$file")")/"; \
    done

# ---- dependencies -----------------------------------------------------------------------------------------------------
FROM ros:jazzy-ros-base AS dependencies
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv python3-opencv python3-pip \
    && rm -rf /var/lib/apt/lists/*
COPY --from=manifests /manifests /manifests
RUN apt-get update && rosdep update --rosdistro jazzy \
    && rosdep install --from-paths /manifests --ignore-src --rosdistro jazzy -y \
    && rm -rf /var/lib/apt/lists/*
# What ROS does not package. ROS itself, NumPy, OpenCV, Matplotlib, Shapely and PyYAML come from the distribution, whose
# compiled messages need its NumPy 1.
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv --system-site-packages /opt/craft \
    && grep -E '^(carla|msgpack|numba|rich|rosbags|safetensors|tensorboard|torch|tyro)==' /tmp/requirements.txt \
      > /tmp/wheels.txt \
    && /opt/craft/bin/pip install --no-cache-dir -r /tmp/wheels.txt 'numpy<2'
# Executables that colcon writes run with the system's interpreter; this is how they find the packages above.
ENV PYTHONPATH=/opt/craft/lib/python3.12/site-packages

# ---- build ------------------------------------------------------------------------------------------------------------
FROM dependencies AS build
WORKDIR /craft
COPY . .
RUN . /opt/ros/jazzy/setup.bash && cd ros_ws && colcon build --merge-install --install-base /opt/craft_ws \
    && /opt/craft/bin/pip install --no-cache-dir --no-deps ../carla_light

# ---- run --------------------------------------------------------------------------------------------------------------
FROM dependencies AS run
COPY --from=build /opt/craft /opt/craft
COPY --from=build /opt/craft_ws /opt/craft_ws
RUN printf '#!/bin/bash\nset -e\n. /opt/ros/jazzy/setup.bash\n. /opt/craft_ws/setup.bash\nexec "$@"\n' > /entrypoint.sh \
    && chmod +x /entrypoint.sh && useradd --create-home driver
USER driver
# Results land in runs/; mount a volume there to keep them.
WORKDIR /home/driver
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "craft_bringup", "train.launch.py"]
