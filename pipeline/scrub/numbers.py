"""Numbers that prove themselves by their check digits: payment cards and bank accounts."""

import re
from string import ascii_uppercase
from typing import Final

# Behind the n of a ``\n`` that stands in a text as two characters, a value may begin, too.
NEW_LINE: Final = r"(?<=\\[nrt])"
# Groups as they are printed on cards: other rows of numbers are none.
CARD_GROUPS: Final = r"(?:[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}|3\d{3}[ -]?\d{6}[ -]?\d{4,5})"
_CARD = re.compile(rf"(?:(?<![\w.-])|{NEW_LINE}){CARD_GROUPS}(?![\w-])")
# Each digit doubled, and its digits summed.
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")
_NO_SIGNS: Final = str.maketrans("", "", " -")
_AS_DIGITS: Final = {ord(letter): str(int(letter, 36)) for letter in ascii_uppercase}
_IBAN = re.compile(
    rf"(?:(?<![A-Za-z0-9])|{NEW_LINE})"
    r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"
)


def clean_cards(text: str) -> str:
    """Remove numbers of payment cards."""

    def replace(found: re.Match[str]) -> str:
        """Return a number that is none of a card."""
        digits = found.group().translate(_NO_SIGNS)
        odd, even = digits[-1::-2], digits[-2::-2].translate(_DOUBLED)
        ends = sum(odd.encode()) + sum(even.encode()) - 48 * len(digits)
        return "[card]" if ends % 10 == 0 else found.group()

    return _CARD.sub(replace, text)


def clean_ibans(text: str) -> str:
    """Remove account numbers whose check digits are right."""

    def replace(found: re.Match[str]) -> str:
        """Return what is no account number."""
        number = found.group()
        for _ in range(3):  # a word in capitals may follow
            plain = number.replace(" ", "")
            turned = (plain[4:] + plain[:4]).translate(_AS_DIGITS)
            if 15 <= len(plain) <= 34 and int(turned) % 97 == 1:
                return f"[iban]{found.group()[len(number) :]}"
            number = number.rpartition(" ")[0]
        return found.group()

    return _IBAN.sub(replace, text)
