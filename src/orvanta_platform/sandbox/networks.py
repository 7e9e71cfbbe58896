"""Networks of cloud metadata services. Standard library only."""

from __future__ import annotations

import ipaddress
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse(*texts: str) -> tuple[Network, ...]:
    """Return the networks of texts in CIDR notation."""
    return tuple(map(ipaddress.ip_network, texts))


METADATA: Final = parse(
    "169.254.0.0/16",  # link-local: AWS, Google Cloud, Azure, Oracle and most others
    "fe80::/10",
    "168.63.129.16/32",  # Azure
    "100.100.100.200/32",  # Alibaba Cloud
    "192.0.0.192/32",  # Oracle Cloud
    "fd00:ec2::254/128",  # AWS
    "fd00:ec2::23/128",  # AWS, credentials of pods
    "fd20:ce::254/128",  # Google Cloud
    "fd00:42::42/128",  # Scaleway
)
"""Networks refused to jobs and to connections that the platform makes for its users."""
