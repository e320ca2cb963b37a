"""Which tier does a customer, or a group of customers, have today, and by which rule did it change?

A tier counts for the whole customer where its invoices of that tier or a worse one hold enough of the money
open in some currency (a share, or an amount). Worked example, with enough 25 % or 10,000 and a bar to get
better half as high: of 8,000 EUR open, 3,000 are on a `high` invoice, so the customer is `high` at once. Ten
days later 1,500 of 8,000 are `high`: under 25 %, yet over 12.5 %, so it stays. When only 500 are left it
begins to look better, and if that lasts 14 days it is better. Worse again in between counts at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.policy.accounts import CustomerTiers
from serving.policy.columns import Numbers, number_in

PLACES = 4  # of currency units: sums do not hang on the order of the invoices
KEY = ["scope", "id"]
FIRST_SEEN, WORSE, HOLDS = "first_seen", "worse_at_once", "still_holds"
GROUP = "group_"
LOOKS_BETTER, BETTER = "looks_better", "better_after_days"
TABLE = (*KEY, "tier", "previous", "since", "calm_since", "rule", "why")


@dataclass(frozen=True)
class TierChange:
    """A customer or group that changed its tier on a day, or began (or ceased) to look better."""

    customer_id: str
    changed_on: date
    old: str | None
    new: str
    rule: str
    policy_version: str

    @property
    def is_of_group(self) -> bool:
        """Whether it is the group that changed, which has the number of its head."""
        return self.rule.startswith(GROUP)

    def content(self) -> dict[str, Any]:
        """As the desk keeps it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "changed_on": self.changed_on.isoformat()
        }


def customer_tiers(
    decided: pd.DataFrame | Mapping[str, Any],
    previous: pd.DataFrame | None,
    as_of: date,
    tiers: Sequence[str],
    rules: CustomerTiers,
    numbers: Numbers,
    best_since: Mapping[str, date] | None = None,
) -> pd.DataFrame:
    """One row per customer and per group of several: TABLE, by scope and id.

    `decided` has customer_id, currency, amount_open, tier, and group_id where groups are known; `previous` is
    yesterday's answer (its scope, id, tier, since, calm_since are read). Those with nothing open today count
    as the best tier, and get there as slowly as all others. `best_since` gives, by id, since when those that
    `previous` does not hold are known at the best tier: they are not seen for the first time.
    """
    money = _money(decided, tiers)
    looks = _looks(money, tiers, rules, numbers)
    before = _previous(previous, tiers)
    every = _with_known(looks.join(before, how="outer").sort_index(), best_since or {})
    return _decided(every, pd.Timestamp(as_of), tiers, rules).reset_index()[list(TABLE)]


def _money(decided: pd.DataFrame | Mapping[str, Any], tiers: Sequence[str]) -> pd.DataFrame:
    """Money open per scope, id and currency: in all, and of each tier or worse."""
    level = pd.Index(list(tiers)).get_indexer(pd.Index(np.asarray(decided["tier"], dtype=object)))
    amount = pd.to_numeric(pd.Series(np.asarray(decided["amount_open"]))).fillna(0).to_numpy(float)
    parts = []
    for scope, ids in _ids(decided).items():
        rows = np.flatnonzero(ids != "")
        frame = pd.DataFrame(
            {
                "scope": scope,
                "id": ids[rows],
                "currency": np.asarray(decided["currency"], dtype=object)[rows],
                "all": amount[rows],
                "invoices": 1.0,
            }
        )
        for rank in range(1, len(tiers)):
            frame[rank] = np.where(level[rows] >= rank, amount[rows], 0.0)
            frame[-rank] = (level[rows] >= rank).astype(float)
        parts.append(frame)
    return pd.concat(parts).groupby([*KEY, "currency"]).sum().round(PLACES)


def _ids(decided: pd.DataFrame | Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Each case's customer, and its group where that has more than one customer with something open."""
    customer = np.asarray(decided["customer_id"], dtype=object)
    if "group_id" not in decided:
        return {"customer": customer}
    group = np.asarray(decided["group_id"], dtype=object)
    pairs = pd.DataFrame({"customer": customer, "group": group}).drop_duplicates()
    several = pairs.loc[pairs["customer"] != pairs["group"], "group"].unique()
    return {"customer": customer, "group": np.where(pd.Index(group).isin(several), group, "")}


def _looks(money: pd.DataFrame, tiers: Sequence[str], rules: CustomerTiers, numbers: Numbers) -> pd.DataFrame:
    """The tier that each looks like, the worst that clears the lower bar, and the money that says so."""
    currencies = money.index.get_level_values("currency")
    enough = np.array([number_in(numbers[rules.enough_amount], str(code)) for code in currencies])
    has_money = money["all"].to_numpy() > 0
    looks, at_least = np.zeros((2, len(money)), dtype=np.int64)
    said = np.zeros(len(money))
    for rank in range(1, len(tiers)):
        # Where no amount is known, invoices are counted instead.
        of_tier = np.where(has_money, money[rank], money[-rank])
        share = of_tier / np.where(has_money, money["all"], money["invoices"])
        amount = np.where(has_money, money[rank], 0.0)
        reached = (of_tier > 0) & ((share >= rules.enough_share) | (amount >= enough))
        half = (of_tier > 0) & (
            (share >= rules.enough_share * rules.lower_by) | (amount >= enough * rules.lower_by)
        )
        looks[reached], at_least[half] = rank, rank
        said[reached] = share[reached]
    table = pd.DataFrame({"looks": looks, "at_least": at_least, "share": said, "currency": currencies})
    table[KEY] = pd.DataFrame({name: money.index.get_level_values(name) for name in KEY})
    worst = table.sort_values(["looks", "share"], kind="stable").drop_duplicates(KEY, keep="last")
    held = table.groupby(KEY)["at_least"].max()
    return worst.set_index(KEY).assign(at_least=held)


def _previous(previous: pd.DataFrame | None, tiers: Sequence[str]) -> pd.DataFrame:
    columns = [*KEY, "tier", "since", "calm_since"]
    given = pd.DataFrame(columns=columns) if previous is None else previous
    table = given.reindex(columns=columns).astype({"since": "datetime64[s]", "calm_since": "datetime64[s]"})
    known = table[table["tier"].isin(list(tiers))]
    level = pd.Index(list(tiers)).get_indexer(pd.Index(known["tier"]))
    return known.assign(before=level).drop(columns="tier").set_index(KEY)


def _with_known(every: pd.DataFrame, best_since: Mapping[str, date]) -> pd.DataFrame:
    """Those known at the best tier without a word of it."""
    days = pd.Series(
        [best_since.get(each) for each in every.index.get_level_values("id")], every.index, "datetime64[s]"
    )
    known = every["before"].isna() & days.notna()
    return every.assign(before=every["before"].mask(known, 0), since=every["since"].mask(known, days))


def _decided(
    every: pd.DataFrame, day: pd.Timestamp, tiers: Sequence[str], rules: CustomerTiers
) -> pd.DataFrame:
    is_new = every["before"].isna().to_numpy()
    before = every["before"].fillna(0).to_numpy(np.int64)
    looks = every["looks"].fillna(0).to_numpy(np.int64)
    lower = np.maximum(every["at_least"].fillna(0).to_numpy(np.int64), looks)
    calm_since = every["calm_since"].fillna(day)
    calm_days = (day - calm_since).dt.days.to_numpy()
    is_worse = ~is_new & (looks > before)
    is_calm = ~is_new & (lower < before)
    is_better = is_calm & (calm_days >= rules.better_after_days)
    tier = np.select([is_new | is_worse, is_better], [looks, lower], before)
    rule = np.select([is_new, is_worse, is_better, is_calm], [FIRST_SEEN, WORSE, BETTER, LOOKS_BETTER], HOLDS)
    is_group = every.index.get_level_values("scope") == "group"
    names = np.array(list(tiers), dtype=object)
    stays = ~is_new & (tier == before)
    result = pd.DataFrame(
        {
            "tier": names[tier],
            "previous": pd.Series(np.where(is_new, None, names[before]), every.index, dtype=object),
            "since": every["since"].where(stays, day).fillna(day).to_numpy(),
            "calm_since": calm_since.where(is_calm & ~is_better).to_numpy(),
            "rule": np.where(is_group, GROUP, "").astype(object) + rule.astype(object),
        },
        index=every.index,
    )
    return result.assign(why=_why(result, every, names[looks], calm_days, rules))


def _why(
    result: pd.DataFrame,
    every: pd.DataFrame,
    looks: NDArray[Any],
    calm_days: NDArray[Any],
    rules: CustomerTiers,
) -> list[str]:
    """One sentence per row."""
    shares = every["share"].fillna(0.0).tolist()
    currencies = every["currency"].fillna("").tolist()
    rows = zip(result["rule"], result["tier"], looks, shares, currencies, calm_days.tolist(), strict=True)
    return [
        _sentence(rule.removeprefix(GROUP), str(tier), str(like), share, currency, days, rules)
        for rule, tier, like, share, currency, days in rows
    ]


def _sentence(
    rule: str, tier: str, looks: str, share: float, currency: str, days: int, rules: CustomerTiers
) -> str:
    held = (
        f"{share:.0%} of what is open in {currency} is {looks} or worse"
        if share
        else "nothing open stands out"
    )
    match rule:
        case "looks_better":
            return f"{held}, and stays {tier} until that has lasted {rules.better_after_days} days ({days} so far)."
        case "better_after_days":
            return f"{held}, and has been so for {days} days."
        case "still_holds" if looks != tier:
            return f"{held}, which is not enough under the lower bar to leave {tier}."
    return f"{held}."


def tier_changes(
    table: pd.DataFrame, previous: pd.DataFrame | None, as_of: date, best: str, version: str
) -> list[TierChange]:
    """What the desk should keep of an answer: changes of tier, and where looking better begins or ends."""
    calm = {} if previous is None else dict(zip(_keys(previous), previous["calm_since"], strict=True))
    changes = []
    columns = [table[name].tolist() for name in ("scope", "id", "tier", "previous", "rule", "calm_since")]
    for scope, name, tier, before, rule, calm_since in zip(*columns, strict=True):
        began = pd.notna(calm_since) != pd.notna(calm.get((scope, name)))
        is_first = pd.isna(before)
        if (tier != best) if is_first else (tier != before or began):
            changes.append(TierChange(name, as_of, None if is_first else before, tier, rule, version))
    return changes


def _keys(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["scope"], table["id"], strict=True))


def previous_tiers(changes: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Yesterday's answer from the desk's `tier_changes`, oldest first: the contents of TierChange."""
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for change in changes:
        rule = str(change.get("rule") or "")
        scope = "group" if rule.startswith(GROUP) else "customer"
        key = (scope, str(change["customer_id"]))
        day = pd.Timestamp(change["changed_on"])
        since = day if change.get("old") != change["new"] or key not in latest else latest[key]["since"]
        calm = day if rule.removeprefix(GROUP) == LOOKS_BETTER else pd.NaT
        latest[key] = {
            "scope": scope,
            "id": key[1],
            "tier": change["new"],
            "since": since,
            "calm_since": calm,
        }
    table = pd.DataFrame(list(latest.values()), columns=[*KEY, "tier", "since", "calm_since"])
    return table.astype({"since": "datetime64[s]", "calm_since": "datetime64[s]"})
