"""Print some Roman numerals."""

from roman import roman

print(*(roman(number) for number in (4, 9, 26)))
