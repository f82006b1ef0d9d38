"""One line, several on one budget, and what a user may spend.

With OPENAI_API_KEY in the environment, real models answer. Without one, scripted answers stand in
for them, and everything else is the same.
"""

from conduit import CostController, llm, session
from conduit.settings import Settings

offline = not Settings.load().openai_api_key

response = llm("What is 2+2?", offline=offline)
print(f"{response.model}: ${response.cost:.6f}, {response.savings_percent:.0f}% saved")
response.rate(5)

CostController(offline=offline).set_user_budget("anna", daily_usd=5.00)
with session(budget_usd=1.00, budget_strategy="strict", user_id="anna", offline=offline) as s:
    s.llm("Summarize this note", quality="low")
    s.llm("Analyze this contract", quality="high")
print(s.get_report())
