#!/bin/sh
set -eu
[ "$("$1" 1 2 + 4 x)" = 12 ]
[ "$("$1" 9 3 /)" = 3 ]
! "$1" 1 + 2> /dev/null
echo "all tests passed"
