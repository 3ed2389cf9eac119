#!/usr/bin/env bash
# Prints the home of a Java 25 or newer, which Trino needs; nothing when there is none.
java=$(command -v java && readlink -f "$(command -v java)") || java=""
for home in "${JAVA_HOME:-}" "${java%/bin/java}" /usr/lib/jvm/*; do
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null)
    if [ "${version:-0}" -ge 25 ] && [ -x "$home/bin/javac" ]; then
        echo "$home"
        exit
    fi
done
