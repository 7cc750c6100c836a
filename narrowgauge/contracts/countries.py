"""What people say for a country: the adjective of its people, and abbreviations."""

from __future__ import annotations

import re

__all__ = ["countries_said", "demonym", "short_names"]

# Country: adjective.
_ADJECTIVES = """
Argentina:Argentinian; Australia:Australian; Austria:Austrian; Belgium:Belgian; Brazil:Brazilian;
Bulgaria:Bulgarian; Canada:Canadian; Chile:Chilean; China:Chinese; Colombia:Colombian; Croatia:Croatian;
Czech Republic:Czech; Czechia:Czech; Denmark:Danish; Egypt:Egyptian; Estonia:Estonian; Finland:Finnish;
France:French; Germany:German; Greece:Greek; Hungary:Hungarian; Iceland:Icelandic; India:Indian;
Indonesia:Indonesian; Ireland:Irish; Israel:Israeli; Italy:Italian; Japan:Japanese; Kenya:Kenyan;
Latvia:Latvian; Lithuania:Lithuanian; Luxembourg:Luxembourgish; Malaysia:Malaysian; Mexico:Mexican;
Morocco:Moroccan; Netherlands:Dutch; New Zealand:New Zealand; Nigeria:Nigerian; Norway:Norwegian;
Peru:Peruvian; Philippines:Philippine; Poland:Polish; Portugal:Portuguese; Romania:Romanian;
Russia:Russian; Saudi Arabia:Saudi; Serbia:Serbian; Singapore:Singaporean; Slovakia:Slovak;
Slovenia:Slovenian; South Africa:South African; South Korea:South Korean; Spain:Spanish; Sweden:Swedish;
Switzerland:Swiss; Thailand:Thai; Turkey:Turkish; UK:British; USA:American; Ukraine:Ukrainian;
United Kingdom:British; United States:American; Vietnam:Vietnamese
"""
_DEMONYMS: dict[str, str] = dict(re.findall(r"([^:;\n]+): ?([^;\n]+)", _ADJECTIVES.replace("; ", ";")))
_SHORT = {
    "United Arab Emirates": ("UAE",),
    "United Kingdom": ("UK", "U.K."),
    "United States": ("US", "USA", "U.S."),
}


def demonym(country: str) -> str | None:
    """Returns the adjective that people use (`German`), None for a country that this knows none of."""
    return _DEMONYMS.get(country)


def short_names(country: str) -> tuple[str, ...]:
    """Returns names that stand after an article (`the UK`)."""
    return _SHORT.get(country, ())


def countries_said(text: str) -> list[str]:
    """Returns the countries that a text means by an adjective of their people or an abbreviation."""
    return [country for country, pattern in _SAID.items() if pattern.search(text)]


_SAID = {
    country: re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE)
    for country in (_DEMONYMS | _SHORT)
    if (names := [name for name in (demonym(country), *short_names(country)) if name])
}
