"""Routers on one Supabase project: they learn from one another over REST."""

from __future__ import annotations

from conduit.core.models import Query
from conduit.stores.sql import SQLStore
from conduit.stores.supabase import SupabaseStore
from tests.engines.builders import CHEAP, DEAR, router_of
from tests.servers.postgres import Databases
from tests.servers.supabase import SERVICE_KEY, SupabaseServer


async def test_routers_over_rest_and_over_a_connection_know_the_same(
    databases: Databases, supabase_server: SupabaseServer
) -> None:
    """Ratings of either router are in the state of both, once, when they have been closed."""
    address = databases.new()
    url = supabase_server.project(address)
    stores = SupabaseStore(url, SERVICE_KEY), SQLStore(address), SupabaseStore(url, SERVICE_KEY)
    for store in stores:
        async with router_of(CHEAP, DEAR, store=store, seed=1) as router:
            for number in range(3):
                decision = await router.route(Query(text=f"question {number}"))
                await router.feedback(decision.id, rating=4)
    reader = SupabaseStore(url, SERVICE_KEY)
    await reader.open()
    statistics = (await reader.load()).statistics
    rated = [sums.count for (_, head), sums in statistics.items() if head == "quality"]
    assert sum(rated) == 9
    assert len([logged async for logged in reader.log()]) == 9
    await reader.close()
