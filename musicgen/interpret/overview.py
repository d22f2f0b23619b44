"""The overview: a picture of all units over all characters."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from musicgen.interpret.activations import Activations, Floats
from musicgen.interpret.annotate import annotate, bar_lines
from musicgen.interpret.heatmap import rgb

_COLOURS = ListedColormap(rgb(np.linspace(-1, 1, 255, dtype=np.float32)) / 255)


def overview(text: str, recorded: Activations) -> Figure:
    """A figure with a row for each unit and a column for each character. The classes of the
    characters are above.

    Similar units are next to each other (`alike`).
    """
    labels = annotate(text, ("header", "repeated"))
    lines = np.isin(np.arange(len(text)), bar_lines(text))
    strips = {
        "header": labels["header"] == 1,
        "body": labels["header"] == 0,
        "bar lines": lines,
        "repeats": labels["repeated"] == 1,
    }
    order = alike(recorded.values)
    values = recorded.values[order]
    # Units are scaled one by one. The state of a cell has no bounds, so one unit that counts to 80
    # would leave the others white.
    values = values / np.maximum(np.quantile(np.abs(values), 0.99, axis=1, keepdims=True), 1e-12)
    units = len(values)
    figure = Figure(figsize=(14, 2 + min(units, 400) * 0.045), layout="constrained")
    ratios = [0.45, min(units, 400) * 0.045]
    above, main = figure.subplots(2, 1, sharex=True, height_ratios=ratios)
    above.set_anchor("S")
    above.imshow(
        np.stack(list(strips.values())),
        aspect="auto",
        cmap="Greys",
        vmin=0,
        vmax=1.3,
        interpolation="nearest",
    )
    above.set_yticks(range(len(strips)), list(strips), fontsize=9)
    above.tick_params(axis="x", length=0, labelbottom=False)
    image = main.imshow(
        values, aspect="auto", cmap=_COLOURS, vmin=-1, vmax=1, interpolation="nearest"
    )
    main.set_xlabel("character of the text")
    main.set_ylabel("unit (alike ones side by side)")
    shown = np.arange(0, units, max(1, units // 30))
    main.set_yticks(shown, [str(order[place]) for place in shown], fontsize=7)
    state = recorded.state.replace("_", " ")
    figure.suptitle(f"{units} units, {state}, layer {recorded.layer}", fontsize=12)
    figure.colorbar(image, ax=main, pad=0.01, label=f"{state}, as a share of the unit's largest")
    return figure


def alike(values: Floats) -> NDArray[np.intp]:
    """The indices of units in an order that puts similar units next to each other.

    values: (units, characters). The order is by the units' angle in the plane of the two main
    components of their correlations, as Friendly (2002) orders the variables of a corrgram.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.square(centred).sum(axis=1, keepdims=True))
    scaled = centred / np.maximum(spread, 1e-12)
    _, vectors = np.linalg.eigh(scaled @ scaled.T)
    first, second = vectors[:, -1], vectors[:, -2] if len(vectors) > 1 else vectors[:, -1]
    angle = np.arctan2(second, first)
    order = np.argsort(angle)
    gaps = np.diff(angle[order], append=angle[order[0]] + 2 * np.pi)
    return np.roll(order, -1 - int(np.argmax(gaps)))
