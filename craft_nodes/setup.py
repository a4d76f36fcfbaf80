"""The ROS package craft_nodes, which is an ordinary Python distribution as well (`pip install -e craft_nodes`)."""

from setuptools import find_packages, setup

NODES = ("world", "perception", "policy", "counterfactual", "event_monitor", "trainer", "evaluator", "collector")

setup(
    name="craft_nodes",
    version="0.1.0",
    description="CRAFT: counterfactual-to-interactive reinforcement fine-tuning of driving policies, as ROS 2 nodes",
    license="Apache-2.0",
    packages=find_packages(include=["craft", "craft.*", "craft_nodes", "craft_nodes.*"]),
    package_data={
        "craft.world": ["suites/*.json"],
        "craft.policies": ["checkpoints/*/*"],
        "craft.report": ["assets/*"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/craft_nodes"]),
        ("share/craft_nodes", ["package.xml"]),
    ],
    python_requires=">=3.10,<3.13",
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "craft = craft_nodes.cli:main",
            *(f"{node} = craft_nodes.{node}_node:main" for node in NODES),
        ],
        "craft.policies": ["vocabulary = craft.policies.vocabulary:VocabularyPolicy"],
    },
)
