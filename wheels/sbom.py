"""What is in a wheel besides our own code? The answer as a CycloneDX 1.6 document.

It is one small JSON object with one component, so no library is needed to write it. The facts are
those that build_native_libs.py wrote down when it built the TLS library.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from distributions import Distribution

SPECIFICATION = "1.6"
DEBIAN_ORIGIN = re.compile(r"Debian source package (?P<name>\S+) (?P<version>\S+)")


def bill_of_materials(
    distribution: Distribution, version: str, native: dict[str, Any], epoch: int
) -> str:
    """Return the document as text, the same for the same wheel.

    Args:
        distribution: whose wheel it is.
        version: the distribution's version.
        native: the manifest of the TLS library that is linked in.
        epoch: the time to name, in seconds since 1970.
    """
    subject = f"pkg:pypi/{distribution.name}@{version}"
    library = native_component(distribution, native)
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(),
            "component": {
                "type": "library",
                "bom-ref": subject,
                "name": distribution.name,
                "version": version,
                "licenses": [{"expression": distribution.license}],
                "purl": subject,
            },
        },
        "components": [library],
        "dependencies": [
            {"ref": subject, "dependsOn": [library["bom-ref"]]},
            {"ref": library["bom-ref"]},
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def native_component(distribution: Distribution, native: dict[str, Any]) -> dict[str, Any]:
    """Describe the TLS library: release, source, hash of the source and how it was configured."""
    purl = package_url(native)
    properties = [
        {"name": "tlsmgm:source", "value": native["source"]},
        # The hash is that of the source archive; the library itself is part of an extension module.
        {"name": "tlsmgm:source:sha256", "value": native["sha256"]},
        {"name": "tlsmgm:linkage", "value": "static"},
        {"name": "tlsmgm:configure", "value": " ".join(native["configure"])},
        *({"name": "tlsmgm:patch", "value": patch} for patch in native["patches"]),
    ]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": native["name"],
        "version": native["version"],
        "licenses": [{"expression": distribution.native_license}],
        "purl": purl,
        "properties": properties,
    }
    if native["source"].startswith("https://"):
        component["externalReferences"] = [
            {
                "type": "source-distribution",
                "url": native["source"],
                "hashes": [{"alg": "SHA-256", "content": native["sha256"]}],
            }
        ]
    return component


def package_url(native: dict[str, Any]) -> str:
    """Return the package URL of the library's source: Debian's if it came from there."""
    debian = DEBIAN_ORIGIN.fullmatch(native["source"])
    if debian:
        return f"pkg:deb/debian/{debian['name']}@{debian['version']}?arch=source"
    return f"pkg:generic/{native['name']}@{native['version']}"
