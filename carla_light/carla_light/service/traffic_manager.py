"""The register of Traffic Managers, which run inside clients."""


class TrafficManagerService:
    """Who runs a Traffic Manager on which port."""

    def __init__(self) -> None:
        """None runs."""
        self._running: dict[int, list] = {}

    def is_traffic_manager_running(self, port: int) -> bool:
        """Whether a port is taken."""
        return port in self._running

    def get_traffic_manager_running(self, port: int) -> list:
        """[host, port], ["", 0] if there is none."""
        return self._running.get(port, ["", 0])

    def add_traffic_manager_running(self, address: list) -> bool:
        """Registers [host, port]; false if the port is taken."""
        if address[1] in self._running:
            return False
        self._running[address[1]] = address
        return True

    def destroy_traffic_manager(self, port: int) -> bool:
        """Removes a Traffic Manager."""
        return self._running.pop(port, None) is not None
