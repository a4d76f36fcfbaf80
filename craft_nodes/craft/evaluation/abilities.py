"""Which abilities a scenario type tests (Bench2Drive)."""

OVERTAKING = "Overtaking"
MERGING = "Merging"
EMERGENCY_BRAKE = "Emergency_Brake"
GIVE_WAY = "Give_Way"
TRAFFIC_SIGNS = "Traffic_Signs"
ABILITY_NAMES = (MERGING, OVERTAKING, EMERGENCY_BRAKE, GIVE_WAY, TRAFFIC_SIGNS)

# Scenario type -> abilities, from Bench2Drive's ability benchmark.
ABILITIES: dict[str, tuple[str, ...]] = {
    "Accident": (OVERTAKING,),
    "AccidentTwoWays": (OVERTAKING,),
    "BlockedIntersection": (EMERGENCY_BRAKE, TRAFFIC_SIGNS),
    "ConstructionObstacle": (OVERTAKING,),
    "ConstructionObstacleTwoWays": (OVERTAKING,),
    "ControlLoss": (EMERGENCY_BRAKE,),
    "CrossingBicycleFlow": (MERGING, TRAFFIC_SIGNS),
    "DynamicObjectCrossing": (EMERGENCY_BRAKE,),
    "EnterActorFlow": (MERGING, TRAFFIC_SIGNS),
    "HardBreakRoute": (EMERGENCY_BRAKE,),
    "HazardAtSideLane": (OVERTAKING,),
    "HazardAtSideLaneTwoWays": (OVERTAKING,),
    "HighwayCutIn": (MERGING,),
    "HighwayExit": (MERGING,),
    "InterurbanActorFlow": (MERGING,),
    "InterurbanAdvancedActorFlow": (MERGING,),
    "InvadingTurn": (GIVE_WAY,),
    "MergerIntoSlowTraffic": (MERGING,),
    "MergerIntoSlowTrafficV2": (MERGING,),
    "NonSignalizedJunctionLeftTurn": (MERGING, TRAFFIC_SIGNS),
    "NonSignalizedJunctionLeftTurnEnterFlow": (MERGING, TRAFFIC_SIGNS),
    "NonSignalizedJunctionRightTurn": (MERGING, TRAFFIC_SIGNS),
    "OppositeVehicleRunningRedLight": (EMERGENCY_BRAKE, TRAFFIC_SIGNS),
    "OppositeVehicleTakingPriority": (EMERGENCY_BRAKE, TRAFFIC_SIGNS),
    "ParkedObstacle": (OVERTAKING,),
    "ParkedObstacleTwoWays": (OVERTAKING,),
    "ParkingCrossingPedestrian": (EMERGENCY_BRAKE,),
    "ParkingCutIn": (EMERGENCY_BRAKE,),
    "ParkingExit": (MERGING,),
    "PedestrianCrossing": (EMERGENCY_BRAKE, TRAFFIC_SIGNS),
    "SequentialLaneChange": (MERGING,),
    "SignalizedJunctionLeftTurn": (MERGING, TRAFFIC_SIGNS),
    "SignalizedJunctionLeftTurnEnterFlow": (MERGING, TRAFFIC_SIGNS),
    "SignalizedJunctionRightTurn": (MERGING, TRAFFIC_SIGNS),
    "StaticCutIn": (EMERGENCY_BRAKE,),
    "T_Junction": (TRAFFIC_SIGNS,),
    "VanillaNonSignalizedTurn": (TRAFFIC_SIGNS,),
    "VanillaNonSignalizedTurnEncounterStopsign": (TRAFFIC_SIGNS,),
    "VanillaSignalizedTurnEncounterGreenLight": (TRAFFIC_SIGNS,),
    "VanillaSignalizedTurnEncounterRedLight": (TRAFFIC_SIGNS,),
    "VehicleOpensDoorTwoWays": (OVERTAKING,),
    "VehicleTurningRoute": (EMERGENCY_BRAKE, TRAFFIC_SIGNS),
    "VehicleTurningRoutePedestrian": (EMERGENCY_BRAKE, TRAFFIC_SIGNS),
    "YieldToEmergencyVehicle": (GIVE_WAY,),
}
