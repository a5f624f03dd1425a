"""Are two images the same? Their trees and configs compared entry by entry, and what differs explained."""

from .sides import Side
from .verdict import Change, ConfigChange, Made, Step, Verdict
from .verify import verify, verify_plans

__all__ = ["Change", "ConfigChange", "Made", "Side", "Step", "Verdict", "verify", "verify_plans"]
