"""The CARLA 0.9.16 wire: binary layouts, msgpack-rpc and sensor streams."""
