"""The arithmetic of budgets against a plain model, whatever comes in whatever order."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.core.budgets import NANO, Budget, Period, Scope, ScopeKind, Window
from conduit.core.spending import Claim, Closing, Reservation, ReservationState, Shortage
from conduit.stores.accounts import Accounts

SCOPES = [Scope(ScopeKind.USER, "a"), Scope(ScopeKind.USER, "b"), Scope(ScopeKind.TEAM, "t")]
NOW = 1_763_700_000.0
HOUR = Window(Period.HOURLY, rolling=True)
CENTS = st.integers(0, 60)
STEPS = st.one_of(
    st.tuples(st.just("claim"), CENTS, st.none() | CENTS, st.sets(st.sampled_from(SCOPES))),
    st.tuples(st.just("settle"), st.integers(0, 30), st.floats(0, 1)),
    st.tuples(st.sampled_from(["release", "expire"]), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.integers(1, 2000)),
)
PLAY = st.lists(STEPS, min_size=5, max_size=60)


class Bank:
    """Plays steps, and keeps every call that was granted: what totals should be is a sum over them."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        for number, scope in enumerate(SCOPES):
            for window in (Window(Period.TOTAL), HOUR):
                budget = Budget(scope=scope, window=window, limit=(number + 1) / 2)
                self.accounts.put(f"{scope} {window}", budget)
        self.calls: dict[str, tuple[frozenset[Scope], Reservation]] = {}
        self.late: set[str] = set()
        self.now = NOW

    def play(self, step: tuple) -> None:  # type: ignore[type-arg]
        kind, *rest = step
        if kind == "wait":
            self.now += rest[0]
        elif kind == "claim":
            self.claim(*rest)
        elif self.calls:
            self.end(kind, [*self.calls][rest[0] % len(self.calls)], *rest[1:])

    def claim(self, cents: int, least: int | None, scopes: set[Scope]) -> None:
        wanted = Claim(
            id=str(len(self.calls)),
            scopes=tuple(sorted(scopes)),
            estimate=cents / 100,
            least=None if least is None else least / 100,
            now=self.now,
            ends_at=self.now + 600,
        )
        room = {id_: Fraction(budget.limit) - self.held(id_) for id_, budget in self.about(scopes)}
        answer = self.accounts.claim(wanted)
        smallest = min(cents, cents if least is None else least)
        fits = all(nanos >= smallest * NANO // 100 for nanos in self.nanos(room).values())
        assert isinstance(answer, Reservation) == fits
        if isinstance(answer, Shortage):
            unspent = [Fraction(it.limit) - self.spent(id_) for id_, it in self.about(scopes)]
            assert answer.final == (min(unspent) < Fraction(smallest, 100))
            return
        assert smallest / 100 <= answer.amount <= cents / 100
        self.calls[answer.id] = frozenset(scopes), answer

    def end(self, kind: str, id_: str, share: float = 0.0) -> None:
        scopes, made = self.calls[id_]
        cost = share * made.amount if kind == "settle" else None
        if kind == "settle" and made.state in {ReservationState.RELEASED, ReservationState.EXPIRED}:
            self.late.add(id_)
        state = {
            "settle": ReservationState.SETTLED,
            "release": ReservationState.RELEASED,
            "expire": ReservationState.EXPIRED,
        }[kind]
        done = self.accounts.close(Closing(id=id_, state=state, cost=cost, now=self.now))
        self.calls[id_] = scopes, done

    def about(self, scopes: set[Scope]) -> list[tuple[str, Budget]]:
        return [it for it in self.accounts.budgets.items() if it[1].scope in scopes]

    def nanos(self, usd: dict[str, Fraction]) -> dict[str, int]:
        return {id_: round(amount * NANO) for id_, amount in usd.items()}

    def spent(self, id_: str) -> Fraction:
        return self.sum(id_, settled_only=True)

    def held(self, id_: str) -> Fraction:
        return self.sum(id_, settled_only=False)

    def held_in_time(self, id_: str) -> Fraction:
        """Without what was spent after it had been given back."""
        return self.sum(id_, settled_only=False, late=False)

    def sum(self, id_: str, *, settled_only: bool, late: bool = True) -> Fraction:
        budget = self.accounts.budgets[id_]
        oldest = budget.window.oldest(self.now)
        total = 0
        for scopes, call in self.calls.values():
            if not late and call.id in self.late:
                continue
            if budget.scope not in scopes or budget.window.slot(call.made_at) < oldest:
                continue
            if call.state is ReservationState.SETTLED:
                total += round((call.cost or 0.0) * NANO)
            elif call.state is ReservationState.OPEN and not settled_only:
                total += round(call.amount * NANO)
        return Fraction(total, NANO)


@given(PLAY)
@settings(max_examples=150, deadline=None)
def test_totals_are_sums_and_a_claim_is_granted_where_it_fits(play: list) -> None:  # type: ignore[type-arg]
    """Running totals equal a sum over all calls at every step; claims never exceed a limit."""
    bank = Bank()
    for step in play:
        bank.play(step)
        for spend in bank.accounts.spends(None, now=bank.now):
            assert spend.settled == float(bank.spent(spend.id))
            assert spend.reserved == float(bank.held(spend.id) - bank.spent(spend.id))
            assert bank.held_in_time(spend.id) <= Fraction(spend.budget.limit)


def test_a_check_looks_at_as_little_after_any_history() -> None:
    """A thousand calls leave as many totals to look at as ten."""

    def kept(calls: int) -> int:
        accounts = Bank().accounts
        for number in range(calls):
            id_ = str(number)
            accounts.claim(Claim(id=id_, scopes=SCOPES, estimate=1e-4, now=NOW, ends_at=NOW + 60))
            accounts.close(Closing(id=id_, state=ReservationState.SETTLED, cost=1e-4, now=NOW + 1))
        return sum(map(len, accounts.totals.values()))

    assert kept(1000) == kept(10) == 6
