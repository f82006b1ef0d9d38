"""Prompts in other languages and scripts, made from templates with a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_TEMPLATES = (
    "Maria kauft {a} Äpfel für {b} Euro. Wie viel kosten {c} Äpfel?",
    "Erkläre den Unterschied zwischen Wärme und Temperatur in höchstens {a} Sätzen.",
    "Écris une fonction qui trie une liste de {a} nombres.",
    "Quelle est la capitale de la région où la température dépasse {a} °C en été ?",
    "Si un tren recorre {a} km en {b} horas, ¿cuál es su velocidad media?",
    "¿Por qué es importante la sección {a} del código penal español?",
    "Um agricultor tem {a} vacas e vende {b}. Quantas vacas restam após {c} dias?",
    "Un rettangolo ha base {a} cm e altezza {b} cm. Qual è la sua area? È più grande di {c} cm²?",
    "У Анны {a} яблок, она отдала {b}. Сколько яблок осталось?",
    "Объясни, как работает двигатель внутреннего сгорания, в {a} предложениях.",
    "Ο Νίκος έχει {a} βιβλία και αγοράζει άλλα {b}. Πόσα βιβλία έχει τώρα;",
    "小明有{a}个苹果，吃了{b}个，还剩多少个？",
    "下列哪一项是正确的？\nA．水在{a}度时沸腾\nB．冰比水重\nC．空气没有质量",
    "りんごが{a}個あります。{b}人で分けると一人何個ですか？",
    "次の文章を英語に翻訳してください。明日は{a}時に駅で会いましょう。",
    "사과 {a}개를 {b}명이 나누면 한 사람당 몇 개입니까?",
    "لدى أحمد {a} كتابا وأعطى صديقه {b}. كم كتابا بقي معه؟",
    "राम के पास {a} आम हैं और वह {b} खाता है। कितने आम बचे?",
    "Wymień {a} najważniejszych przyczyn wojny i wyjaśnij każdą z nich.",
    "Bir çiftçinin {a} koyunu var, {b} tanesini satıyor. Kaç koyun kalır?",
)


def foreign_prompts(rng: Random, *, count: int) -> list[str]:
    """Questions in fifteen languages with numbers filled in."""
    return [
        rng.choice(_TEMPLATES).format(
            a=rng.randint(20, 99), b=rng.randint(2, 19), c=rng.randint(2, 90)
        )
        for _ in range(count)
    ]
