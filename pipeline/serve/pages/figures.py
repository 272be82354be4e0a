"""Numbers as people read them: thousands apart, four figures that count, units that fit."""

UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def figure(value: float | int | None) -> str:
    """A number; "" for none."""
    if value is None:
        return ""
    if isinstance(value, int) or (abs(value) >= 1000 and abs(value) < 1e15):
        return f"{round(value):,}"
    return f"{value:.4g}"


def size(count: int) -> str:
    """Bytes, in thousands of them."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{count:,} bytes" if unit == 0 else f"{amount:.3g} {UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """A time; "" for none."""
    if seconds is None:
        return ""
    if seconds < MINUTE:
        return f"{seconds:.3g} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.3g} min"
    if seconds < DAY:
        return f"{seconds / HOUR:.3g} h"
    return f"{seconds / DAY:.3g} days"


def energy(kwh: float | None) -> str:
    """Energy, from milliwatt hours on; "" for none."""
    if kwh is None:
        return ""
    for least, factor, unit in ((1.0, 1.0, "kWh"), (1e-3, 1e3, "Wh")):
        if kwh >= least:
            return f"{kwh * factor:.3g} {unit}"
    return f"{kwh * 1e6:.3g} mWh"


def probability(value: float | None) -> str:
    """A share as a percentage that never claims certainty; "" for none."""
    if value is None:
        return ""
    if value < 0.0001:
        return "under 0.01%"
    return "over 99.9%" if value > 0.9994 else f"{100 * value:.3g}%"
