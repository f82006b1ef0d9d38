"""Prompts of every kind a router meets, more than 200."""

from __future__ import annotations

from itertools import product

SUBJECTS = (
    "the water cycle", "compound interest", "photosynthesis", "the French Revolution",
    "binary search", "supply and demand", "plate tectonics", "the immune system",
)  # fmt: skip
REQUESTS = (
    "What is {}?",
    "Explain {} to a ten-year-old in two sentences, please.",
    "Write a limerick about {}",
    "Compare {} with something from everyday life.\nUse a table:\n| a | b |\n|---|---|",
    "Which statement about {} is false?\nA) all\nB) none\nC) some\nD) most",
    "TL;DR {}!!!",
)
CODE = (
    "def fib(n: int) -> int:\n    return n if n < 2 else fib(n - 1) + fib(n - {0})",
    "SELECT name, COUNT(*) FROM t{0} GROUP BY name HAVING COUNT(*) > {0};",
    "for (int i = 0; i < {0}; ++i) {{ std::cout << a[i] << '\\n'; }}",
    '{{"id": {0}, "tags": ["x", "y"], "nested": {{"z": null}}}}',
    "Solve for x: \\frac{{x^2 - {0}}}{{3}} = \\int_0^1 t^{0} dt",
    "0x{0:08x} {0:b} {0}.{0}e-{0} $%^&*()_+",
)
LANGUAGES = (
    "Was ist der Unterschied zwischen {} und {}? Bitte größere Beispiele geben.",
    "¿Cuál es la raíz cuadrada de {} más {}?",
    "Посчитай сумму чисел {} и {} и объясни по шагам.",
    "{}と{}の最小公倍数は何ですか。詳しく説明してください。",
    "请把{}和{}写成中文大写数字。",
    "ما هو حاصل ضرب {} في {}؟",
    "{}과 {}의 차이를 설명해 주세요",
    "{} और {} का योग क्या है?",
    "🙂{}👍🏽{} 👩‍🚀 naïve façade",
)
LONG = "Paragraph {0}: the committee met, argued about item {0}, and adjourned without a vote. "


def prompts() -> list[str]:
    """Short, long, code, tables, non-Latin scripts, and texts far beyond 256 tokens."""
    plain = [request.format(subject) for request, subject in product(REQUESTS, SUBJECTS)]
    code = [snippet.format(number) for snippet, number in product(CODE, range(2, 10))]
    foreign = [text.format(n, 7 * n) for text, n in product(LANGUAGES, range(3, 11))]
    long = [
        "".join(LONG.format(n) for n in range(start, start + size))
        for start, size in product(range(0, 60, 10), (5, 12, 13, 40, 300))
    ]
    odd = [
        "",
        " ",
        "a",
        "?",
        "x" * 300,
        "…" * 400,
        "word " * 254,
        "word " * 255,
        "\t\n",
        "日" * 300,
    ]
    return plain + code + foreign + long + odd + ["[CLS] [SEP] [MASK] [PAD]", "I'm O'Brien's"]
