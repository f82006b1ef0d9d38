"""The Python of Conductor's README, unchanged but for the import, by its heading."""

from __future__ import annotations

ONE_LINE = """
from conduit import llm

response = llm("What is 2+2?")

print(response.text)   # "4"
print(response.model)  # "gpt-4o-mini" (auto-selected)
print(response.cost)   # $0.0001
print(response.saved)  # $0.0009 (vs always using gpt-4o)
"""
SELECTION = """
from conduit import llm

# Auto mode (default)
response = llm("What is the capital of France?")

# Force cheap
response = llm("Quick question", quality="low")

# Force quality
response = llm("Complex analysis...", quality="high")
"""
SESSION = """
from conduit import session

with session(budget_usd=1.00) as s:
    r1 = s.llm("Summarize this document")
    r2 = s.llm(f"Extract entities from: {r1.text}")
    r3 = s.llm(f"Format as report: {r2.text}")

print(s.total_cost)    # $0.0034
print(s.total_saved)   # $0.0089
print(s.savings_pct)   # 72%
print(s.get_report())  # Full breakdown
"""
CLASSIFICATION = """
from conduit import smart_classify

result = smart_classify("What is 2+2?")
print(result.complexity_score)  # 0.1 (simple)
print(result.reasoning)         # "Trivial task"

result = smart_classify("Analyze the economic implications...")
print(result.complexity_score)  # 0.8 (complex)
print(result.reasoning)         # "Complex task - multi-step reasoning"
"""
COSTS = """
from conduit import CostController, Period

controller = CostController()

# Set budget
controller.set_user_budget("user_123", daily_usd=5.00, monthly_usd=50.00)

# Check before request
controller.check_budget("user_123", estimated_cost=0.01)
# Raises BudgetExceededError if over limit

# Record after request
controller.record_cost("user_123", cost_usd=0.008, model="gpt-4o-mini", task_type="chat")

# Get reports
report = controller.get_cost_report(group_by="user", period=Period.DAILY)
print(report.total_cost_usd)
print(report.top_spenders)
"""
STORAGE = """
from conduit import CostController, SQLiteStorage

storage = SQLiteStorage(db_path="conductor.db")
controller = CostController(storage=storage)

controller.set_user_budget("user_123", daily_usd=5.00)
controller.record_cost("user_123", 0.008, "gpt-4o-mini", "chat")
"""
DRY_RUN = """
from conduit import llm_dry_run

result = llm_dry_run("What is 2+2?")
# {'model': 'gpt-4o-mini', 'reason': 'Simple prompt'}
"""
STRICT_SESSION = """
from conduit import session

with session(budget_usd=1.00, budget_strategy="strict") as s:
    s.llm("First call")
    s.llm("Second call")

print(s.total_cost)
print(s.get_report())
"""
CLASSIFY = """
from conduit import smart_classify

result = smart_classify("Complex analysis...")
print(result.complexity_score)  # 0.0 to 1.0
print(result.raw_score)         # 1 to 10
print(result.reasoning)         # Human explanation
"""
CONTROLLER = """
from conduit import CostController, Period

controller = CostController()
controller.set_user_budget("user_id", daily_usd=10.00)
controller.check_budget("user_id")
controller.record_cost("user_id", 0.01, "gpt-4o-mini", "chat")
report = controller.get_cost_report(group_by="user", period=Period.DAILY)
"""
SQLITE = """
from conduit import CostController, SQLiteStorage

storage = SQLiteStorage("conductor.db")
controller = CostController(storage=storage)
"""
CONFIGURATION = """
from conduit import set_pricing, set_models

set_pricing({
    "gpt-4o-mini": {"input": 0.15, "output": 0.60},
    "gpt-4o": {"input": 2.50, "output": 10.00},
})

set_models(cheap="gpt-4o-mini", quality="gpt-4o", baseline="gpt-4o")
"""
KEY = """
response = llm("Hello", api_key="sk-...")
"""
VARIABLES = """
export CONDUCTOR_PRICING_JSON='{"gpt-4o-mini":{"input":0.15,"output":0.60},"gpt-4o":{"input":2.50,"output":10.00}}'
export CONDUCTOR_MODELS_JSON='{"cheap":"gpt-4o-mini","quality":"gpt-4o","baseline":"gpt-4o"}'
"""
"""Of a shell."""
TABLE = {
    "What is 2+2?": "gpt-4o-mini",
    "Summarize this": "gpt-4o-mini",
    "Analyze this contract": "gpt-4o",
    "Debug this code": "gpt-4o",
}
"""Prompts, and the models that the README says are chosen for them."""
SHOWN = f"""
from conduit import llm, llm_dry_run
for prompt in {list(TABLE)}:
    print(llm_dry_run(prompt)["model"], llm(prompt).model)
"""
PROGRAMS = {
    "costs": COSTS,
    "storage": STORAGE,
    "controller": f"{CONTROLLER}\nprint(report.total_cost_usd)",
    "sqlite": SQLITE,
    "classification": CLASSIFICATION,
    "classify": CLASSIFY,
    "one line": ONE_LINE,
    "selection": SELECTION.replace("response = ", "print(").replace('")\n', '").model)\n'),
    "table": SHOWN,
    "session": SESSION,
    "strict session": STRICT_SESSION,
    "dry run": f"{DRY_RUN}\nprint(result)",
    "configuration": CONFIGURATION + ONE_LINE,
    "key": f"from conduit import llm\n{KEY}\nprint(response.text)",
}
"""All of the above as whole programs, which print what the README shows in a comment."""
RECORDS = {
    "costs": 1,
    "storage": 1,
    "controller": 1,
    "sqlite": 0,
    "classification": 0,
    "classify": 0,
    "one line": 1,
    "selection": 3,
    "table": 4,
    "session": 3,
    "strict session": 2,
    "dry run": 0,
    "configuration": 1,
    "key": 1,
}
"""Costs that each of them books, offline."""
