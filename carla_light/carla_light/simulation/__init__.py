"""The world without the wire: actors, vehicle response, lights, contacts. CARLA's axes: x forward, y right, degrees."""
