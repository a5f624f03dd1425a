#!/bin/sh
echo "I am $(id -un) ($(id -u)) in $(id -Gn); this is $(stat -c '%U:%G %a' "$0")"
