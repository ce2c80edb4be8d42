"""What is an emoji, and what is not."""

import pytest

from chat.emoji import is_same, require_emoji
from chat.errors import Invalid

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        *"👍🎉😀🫠🪿🫨🀄🃏🅰🆎🈁🈚㊗㊙©®™‼⁉〰〽↔⌚⏩Ⓜ▪◾☀☎♈♻⚧⛔✂✅✌❤➡⤴⬅⬛⭐🏻",
        "❤️", "☺️", "🏳️", "✌🏽", "👍🏿", "🇩🇪", "🇺🇳", "1️⃣", "#⃣", "*️⃣",
        "👩‍💻", "👨🏽‍🚀", "🏳️‍🌈", "🏳️‍⚧️", "❤️‍🔥", "🧑🏻‍❤️‍💋‍🧑🏿", "🐻‍❄️", "🏴‍☠️", "🙂‍↔️", FAMILY, SCOTLAND,
        "\u2139", "\u2795", "\U0001faea", "\U0001faff",  # of later years
    ],
)  # fmt: skip
def test_one_picture_is_an_emoji(text: str) -> None:
    require_emoji(text)


@pytest.mark.parametrize(
    "text",
    [
        *"x1#*é€→★〒あ好\0\n \u200d\ufe0f\u20e3\u00ad",
        *"\U000e0061\U0001f1e6\U0001d400\U0001f700\U0001f8b0",
        "", "ok", ":)", "👍👍", "👍x", "x👍", "👍 ", " 👍", "👍\n", "👍\0", "👍\u202e",
        "🇩", "🇩🇪🇫", "🇩x", "1\ufe0f", "11\ufe0f\u20e3", "👍\u20e3",
        "👍\ufe0e", "👍\ufe0f\ufe0f", "👍🏽🏽", "\u200d👍", "👍\u200d", "👍\u200d\u200d👍",
        "👍\u200dx",
        "\U0001f3f4\U000e0067", "\U0001f3f4\U000e007f", "z" + "\u0301" * 8,
        "<b>", "$set", "__proto__", "a.b",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        require_emoji(text)
    assert (refusal.value.code, refusal.value.details) == ("invalid_emoji", {"field": "emoji"})


def test_a_long_row_of_pictures_is_looked_at_once() -> None:
    with pytest.raises(Invalid):
        require_emoji("👍\u200d" * 10_000)


def test_an_emoji_is_the_same_with_and_without_a_word_about_how_it_is_shown() -> None:
    assert is_same("❤", "❤️")
    assert is_same("🏳️‍🌈", "🏳‍🌈")
    assert not is_same("👍", "👍🏽")
    assert not is_same("❤", "💙")
