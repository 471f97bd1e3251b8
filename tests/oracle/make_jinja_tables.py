"""Writes core/jinja/value/unicode_tables.c: what Python's str knows of Unicode and utf8proc does not.

usage: make_jinja_tables.py > core/jinja/value/unicode_tables.c

Python 3.11's (Unicode 14): letters that become several in another case, and the characters that
str.islower(), isupper(), isdigit() and isnumeric() go for beyond their general category.
"""
import sys
import unicodedata

POINTS = [chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000]


def ranges(wanted):
    found = []
    for c in map(ord, filter(wanted, POINTS)):
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def table(name, wanted):
    print(f"\nconst struct jinja_range jinja_{name}[] = {{")
    for low, high in ranges(wanted):
        print(f"    {{0x{low:X}, 0x{high:X}}},")
    print("    {0, 0},\n};")


def utf8(text):
    return "".join(f"\\x{byte:02X}" for byte in text.encode())


# What clang-format makes of it is what is committed.
print("/* Made by tests/oracle/make_jinja_tables.py with Python %d.%d (Unicode %s). */" % (*sys.version_info[:2], unicodedata.unidata_version))
print('#include "jinja/value/unicode_tables.h"')
print("\nconst struct jinja_special_case jinja_special_cases[] = {")
for c in POINTS:
    if len(c.upper()) > 1 or len(c.title()) > 1 or len(c.lower()) > 1:
        print(f'    {{0x{ord(c):X}, "{utf8(c.upper())}", "{utf8(c.title())}", "{utf8(c.lower())}"}},')
print('    {0, "", "", ""},\n};')
category = unicodedata.category
table("other_lower", lambda c: c.islower() and category(c) != "Ll")
table("other_upper", lambda c: c.isupper() and category(c) != "Lu")
table("other_digits", lambda c: c.isdigit() and category(c) != "Nd")
table("other_numbers", lambda c: c.isnumeric() and category(c)[0] != "N")
