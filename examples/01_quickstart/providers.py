"""One provider's models, and the best of several.

With their keys in the environment, real models answer. Without, scripted answers stand in for them.
"""

import conduit as o
from conduit.settings import Settings

keys = Settings.load().api_keys
names = [name for name in ("google", "anthropic", "openai") if name in keys]
offline = not names
providers = [o.Provider(name, offline=offline) for name in names or ("google", "openai")]

multi = o.MultiProvider(providers)
for strategy in ("cheapest", "smartest", "balanced"):
    response = multi.chat("What is the capital of Japan?", strategy=strategy)
    print(f"{strategy}: {response.provider}/{response.model}, ${response.cost:.6f}")

for chunk in providers[0].stream_text("Write a poem"):
    print(chunk, end="")
print()
