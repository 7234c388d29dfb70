"""Every method, told apart by the name its section carries: a new one is added here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from geosemimtl.methods.da import DAConfig
from geosemimtl.methods.semimtl import SemiMTLConfig
from geosemimtl.methods.semisd import SemiSDConfig
from geosemimtl.methods.supervised import JTLConfig, STLConfig

MethodConfig = Annotated[
    STLConfig | JTLConfig | DAConfig | SemiSDConfig | SemiMTLConfig,
    Field(discriminator="name"),
]
