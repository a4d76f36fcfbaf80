"""The release of CARLA whose wire protocol is spoken here; the client refuses to be quiet about any other."""

CARLA_VERSION = "0.9.16"
