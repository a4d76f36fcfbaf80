"""What the server reads from an OpenDRIVE map beyond what carla.Map offers."""
