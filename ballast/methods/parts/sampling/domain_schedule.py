"""How often each domain is drawn, first and last in a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from ballast.errors import DataError, ParameterError, nearest
from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Level, NonNegative
from ballast.methods.training.loop import Epoch, EpochPlan
from ballast.methods.training.part import Material, SamplePolicy
from ballast.words import listed, plural

if TYPE_CHECKING:
    import torch

Temperature = Annotated[float, Field(ge=1, allow_inf_nan=False)]
ByDomain = Annotated[dict[str, NonNegative] | None, Field(description="a number >= 0 for each domain's name, or None")]


class DomainSchedule(SamplePolicy):
    """Draws rows by domain: by one temperature in the first steps, by another, or domains upsampled, in the last.

    Use it to train on sources of very different sizes. By default (Cooldown) domains come nearly evenly in the first
    twentieth of the steps, which is quick, and by their rows from then on, so that small ones are not learned by
    heart. The other way round, ``temperature=1, switch=0.8, factors={...}``, small good domains come more often at
    the end alone. Not where every domain is large, which are drawn evenly throughout, nor in place of stopping early,
    which does as well as Cooldown. As ``sampling`` of ``domain_mlp``.

    Parameters
    ----------
    temperature : float >= 1, default 5.0
        Before the switch a domain with the share s of the rows is drawn in proportion to s^(1 / temperature): 1 as its
        rows are, a great number as often as any other.
    last_temperature : float >= 1, default 1.0
        The same after the switch.
    factors : dict or None, default None
        What a domain, by its name, is multiplied with after the switch, usually 3 to 10: 1 for those not named, 0 for
        one left out, whose worth the loss without it then tells.
    shares : dict or None, default None
        What stands in place of the share of the rows, for all domains by name; any scale, 0 for one left out.
    switch : float in (0, 1), default 0.05
        The share of the steps before the switch. Choose it, or the factors, by the repetitions: more than about 8
        passes over a small domain teach it by heart.

    Raises
    ------
    DataError
        One domain alone.
    ParameterError
        ``factors`` or ``shares`` of a domain that the rows lack, ``shares`` that lack one, or none left.

    Notes
    -----
    A domain is drawn by these shares, then one of its rows evenly, with replacement; weights multiply the losses, and
    a row of weight 2 counts as two in its domain's share. The ceil(n / batch_size) steps of an epoch are as many as
    ever. A batch of all (n,) rows is not drawn: each row counts as often as it would come. Held-out rows are weighed
    as the last steps draw them, and watched from the switch on. Recorded dynamics need each row once an epoch, so
    they are refused for batches that are drawn.

    The learner's ``sampling_`` has the ``most_repetitions`` of any row, the ``domains`` and, for each of the two
    ``phases``, its ``steps`` and by domain the ``share`` of the draws, the ``repetitions`` of a row and the ``weight``
    that would have the same mean gradient; and the ``variance_ratio``: how much greater a step's variance would be
    with those weights in place of the draws, where the domains' gradients are alike.

    Cost: O(1) a row drawn, an epoch in one call.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> X, groups = np.linspace(-1, 1, 500), np.repeat(["en", "fi"], [450, 50])
    >>> schedule = ballast.method("domain_schedule", temperature=5.0, switch=0.2)
    >>> learner = ballast.method("domain_mlp", sampling=schedule, max_epochs=10)
    >>> plan = learner.fit(X[:, None], X > 0, groups=groups).sampling_
    >>> for phase in plan["phases"]:  # steps, and the shares of en and fi
    ...     print(phase["steps"], np.round(phase["share"], 1))
    8 [0.6 0.4]
    32 [0.9 0.1]
    """

    name = "domain_schedule"
    reference = (
        "Li, Xu, Tan et al., Upsample or Upweight? Balanced Training on Heavily Imbalanced Datasets, 2024 (Cooldown); "
        "Blakeney, Paul, Larsen et al., Does your data spark joy? Performance gains from domain upsampling at the end "
        "of training, 2024"
    )
    survey_ids = ("S013", "S198")
    claim = Claim(
        "Nearly even draws learn faster than weights of the same objective and then learn small domains by heart; "
        "cooled down, they end far below that and near draws in proportion. Small domains upsampled in the last fifth "
        "of the steps end lower than upsampled throughout, at less cost to the others.",
        "partly",
        "Mean log-loss of domains, 8 runs. Cooldown (8000, 1000, 200, 60 rows) holds: after one epoch weights "
        "{early_weighed:.3f}, draws {early_gain:.3f} less (+- {early_gain.spread:.3f}); after eight, even draws "
        "{even:.3f}, Cooldown {gain:.3f} less (+- {gain.spread:.3f}; smallest domain {smallest_gain:.2f}), "
        "{gain_over_proportional:.3f} below proportional; but to stop even draws after one epoch is as good "
        "({stopped:.3f}, Cooldown {cooled:.3f}). Upsampled at the end, three domains of 120 rows beside 6,000: "
        "{target_last:.3f}; not at all {target_gain:.3f} more, throughout {target_gain_over_throughout:.3f} more (+- "
        "{target_gain_over_throughout.spread:.3f}) and {general_gain_over_throughout:.3f} more on the great one. Of "
        "400 rows, throughout is better by {more_rows_loss:.3f} (+- {more_rows_loss.spread:.3f}).",
    )

    def __init__(
        self,
        temperature: Temperature = 5.0,
        last_temperature: Temperature = 1.0,
        factors: ByDomain = None,
        shares: ByDomain = None,
        switch: Level = 0.05,
    ) -> None:
        self.temperature = temperature
        self.last_temperature = last_temperature
        self.factors = factors
        self.shares = shares
        self.switch = switch

    def plan(self, material: Material) -> EpochPlan:
        """Gives the plan of a run; the material must have groups."""
        import torch

        if material.groups is None:
            raise ParameterError(
                f"{material.owner}: sampling by {self.name} needs the domain of each row, which {material.owner} does "
                "not take; use domain_mlp, with the column declared as `groups:`"
            )
        found, codes = np.unique(material.groups, return_inverse=True)
        names = [str(name) for name in found]
        if len(names) < 2:
            raise DataError(
                f"{material.owner}: groups has only one value ({names[0]!r}, {len(codes)} rows); there is nothing to "
                "schedule, so check the groups' column"
            )
        kept = codes[material.kept]
        n, size = len(kept), min(material.batch_size, len(kept))
        per_epoch = -(-n // size)
        switch = round(self.switch * per_epoch * material.max_epochs)
        steps = np.array([switch, per_epoch * material.max_epochs - switch])

        rows = np.bincount(kept, minlength=len(names))
        totals = np.bincount(kept, material.weights[material.kept], len(names))
        totals = totals / totals.sum()
        shares = self._shares(names, totals, f"{material.owner}: {self.name}")
        weights = _over(shares, totals)

        draw = [torch.from_numpy(own) for own in shares]
        weigh = [torch.from_numpy(own.astype(np.float32)[kept]) for own in weights]
        spread = torch.from_numpy(_over(rows / n, totals).astype(np.float32))  # so that weights average 1 in a domain
        by_domain, counts = torch.from_numpy(np.argsort(kept, kind="stable")), torch.from_numpy(rows)
        starts = counts.cumsum(0) - counts

        def epoch(number: int, generator: torch.Generator) -> Epoch:
            first = min(max(switch - number * per_epoch, 0), per_epoch)
            if per_epoch == 1:
                return Epoch(torch.arange(n), n, weigh[1 - first])
            phases = ((draw[0], first), (draw[1], per_epoch - first))
            domain = torch.cat([torch.multinomial(own, k * size, True, generator=generator) for own, k in phases if k])
            place = torch.rand(len(domain), dtype=torch.float64, generator=generator) * counts[domain]
            return Epoch(by_domain[starts[domain] + place.long()], size, spread[domain])

        return EpochPlan(
            epoch,
            visits_all=per_epoch == 1,
            watched_from=switch // per_epoch,
            watched_factors=weights[1][codes],
            report=_report(names, steps, shares, weights, size / np.maximum(rows, 1)),
        )

    def _shares(self, names: list[str], rows: np.ndarray, owner: str) -> np.ndarray:
        """Gives (2, G) shares of the draws, before the switch and after, from the (G,) shares of the rows by weight."""
        base = rows if self.shares is None else _in_order(self.shares, names, f"{owner}: shares")
        base = np.where(rows > 0, base, 0)  # what has no row, or rows of weight 0 alone, is not drawn
        base = base / (base.max() or 1.0)
        factors = _in_order(self.factors or {}, names, f"{owner}: factors", 1.0)
        shares = np.array([base ** (1 / self.temperature), base ** (1 / self.last_temperature) * factors])
        largest = shares.max(axis=1, keepdims=True)
        if not largest.all():
            raise ParameterError(f"{owner}: every domain that has rows is left out; give one of them more than 0")
        return shares / largest / (shares / largest).sum(axis=1, keepdims=True)


def _report(
    names: list[str], steps: np.ndarray, shares: np.ndarray, weights: np.ndarray, passes: np.ndarray
) -> dict[str, Any]:
    """Gives what is to be known of a run; a step of one domain's rows alone would be so many ``passes`` over it."""
    repetitions = steps[:, None] * passes * shares
    ratios = (shares * weights).sum(axis=1)
    columns = {"steps": steps, "share": shares, "repetitions": repetitions, "weight": weights, "variance_ratio": ratios}
    return {
        "most_repetitions": float(repetitions.sum(axis=0).max()),
        "variance_ratio": float(ratios[steps > 0].max()),
        "domains": names,
        "phases": [{key: column[phase].tolist() for key, column in columns.items()} for phase in (0, 1)],
    }


def _over(shares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.divide(shares, rows, out=np.zeros_like(shares), where=rows > 0)


def _in_order(given: Mapping[str, float], names: list[str], what: str, other: float | None = None) -> np.ndarray:
    """Gives the (G,) numbers given by domain, ``other`` for those not named.

    Raises ParameterError for domains that the rows lack, and where one is not named and there is no ``other``.
    """
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ParameterError(
            f"{what} name the domain {unknown[0]!r}, which no row has{nearest(unknown[0], names)} (the domains: "
            f"{listed(names, 20)})"
        )
    missing = [name for name in names if name not in given]
    if missing and other is None:
        raise ParameterError(
            f"{what} lack {plural(len(missing), 'domain')}: {listed(missing, 20)}; give each one a share"
        )
    return np.array([given.get(name, other) for name in names], dtype=np.float64)
