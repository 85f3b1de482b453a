from __future__ import annotations

from stages import serve

__all__ = ["serve"]
