"""What a swarm must have before it can run a pool, looked at one thing after the other."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from linkpool.engines.docker import Docker, NotFound
from linkpool.engines.protocol import EngineRefused, EngineUnreachable, Finding
from linkpool.engines.swarm_spec import Ground


async def examine(docker: Docker, ground: Ground, image: str) -> AsyncIterator[Finding]:
    """Daemon, swarm, network, zones, image; stops at the first thing that all others need."""
    try:
        info = await docker.get("info")
    except (EngineUnreachable, EngineRefused) as error:
        advice = "start Docker on this machine, and let this user open its socket (docker_socket)"
        yield Finding("engine", good=False, text=str(error), advice=advice)
        return
    yield (swarm := _swarm(info))
    if not swarm.good:
        return
    yield await _network(docker, ground.network)
    yield await _zones(docker, ground.zone)
    yield await _image(docker, image)


def _swarm(info: dict[str, Any]) -> Finding:
    state, manager = info["Swarm"]["LocalNodeState"], info["Swarm"].get("ControlAvailable", False)
    text = f"swarm: Docker {info['ServerVersion']}, this machine is {state}"
    if state != "active":
        advice = "`docker swarm init`, or join as a manager with a token of `docker swarm join-token manager`"
        return Finding("engine", good=False, text=text, advice=advice)
    if not manager:
        advice = "only managers can run services: run the control plane on one (`docker node promote`)"
        return Finding("engine", good=False, text=f"{text}, a worker", advice=advice)
    return Finding("engine", good=True, text=f"{text}, a manager of {info['Swarm']['Managers']}")


async def _network(docker: Docker, name: str) -> Finding:
    found = [each for each in await docker.listed("networks", name=name) if each["Name"] == name]
    if not found or found[0]["Scope"] != "swarm":
        advice = f"`docker network create --driver overlay --opt encrypted {name}`, or set swarm_network"
        return Finding("network", good=False, text=f"no overlay network {name}", advice=advice)
    return Finding("network", good=True, text=f"{name}, {found[0]['Driver']}")


async def _zones(docker: Docker, label: str) -> Finding:
    nodes = [
        node
        for node in await docker.listed("nodes")
        if node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active"
    ]
    zones = Counter(node["Spec"].get("Labels", {}).get(label, "none") for node in nodes)
    text = f"{len(nodes)} machines ready; by {label}: " + ", ".join(f"{n} in {z}" for z, n in zones.items())
    if len(nodes) < 2:
        advice = "one machine holds both replicas of each node; add a second (`docker swarm join`)"
        return Finding("zones", good=False, text=text, advice=advice)
    if len(zones) < 2 or "none" in zones:
        advice = f"label every machine (`docker node update --label-add {label}=a NODE`), two zones at least"
        return Finding("zones", good=False, text=text, advice=advice)
    return Finding("zones", good=True, text=text)


async def _image(docker: Docker, image: str) -> Finding:
    try:
        seen = await docker.get(f"images/{image}/json")
    except NotFound:
        if "@sha256:" in image:
            return Finding("image", good=True, text=f"{image}: each machine will pull it")
        advice = "`docker load` it on every machine, or name it by a registry's digest (NAME@sha256:...)"
        return Finding("image", good=False, text=f"{image} is not on this machine", advice=advice)
    return Finding("image", good=True, text=f"{image} is {seen['Id'][:19]}, {seen['Size'] // 2**20} MiB")
