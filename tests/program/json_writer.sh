#!/usr/bin/env bash
# JSON is written by base/json_writer, which sees to quotes, commas, brackets and escapes: nobody puts
# it together from texts with quotes in them, where a key is forgotten, a comma is one too many, or a
# name from a file ends the string. Arguments: binary, source folder.
set -u
source=$2
failures=0
fail() {
  echo "JSON: $*"
  failures=$((failures + 1))
}

# FILE...: statements that print or append a text with a key (\":), or with a quote beside a bracket.
by_hand() {
  awk -v RS=';' '
    FNR == 1 { line = 1 }
    {
      at = line + gsub(/\n/, "\n")
      line = at
    }
    /(^|[^_a-z])(buffer_(text|format|append)|v?s?n?printf|fprintf|fputs|puts)\(/ &&
      !/fprintf\(stderr/ && /\\" ?:|[[{]\\"|\\"[]}]/ { print FILENAME ":" at ": " $0 }
  ' "$@" | grep -E '^[^ ]+:[0-9]+:|\\"'
}

# The search itself: what it must find, and what it must leave alone.
sample=$(mktemp)
trap 'rm -f "$sample"' EXIT
count() { by_hand "$sample" | grep -c "^$sample:"; }
cat >"$sample" <<'SAMPLE'
    buffer_text(&out, "{\"format\": ");
    buffer_format(out, ", \"%s\": ", key);
    buffer_format(out,
                  "%s\n{\"id\": %d}", between, id);
    printf("\"rows\":%d", rows);
    buffer_text(out, first ? "\"embeddings\"]" : "");
SAMPLE
[ "$(count)" = 5 ] || fail "of five statements that write JSON by hand the search finds $(count)"
cat >"$sample" <<'SAMPLE'
    return error_set(err, "\"%s\" must be an object such as {\"type\": 1}", key);
    fprintf(stderr, "train \"%s\": %zu\n", name, count);
    buffer_format(out, "<rect x=\"%d\" width=\"%d\"/>\n", x, width);
    static const char probe[] = "[{\"role\": \"user\"}]";
    json_text(&json, "model", path);
SAMPLE
[ "$(count)" = 0 ] || fail "the search finds what is no JSON that is written: $(by_hand "$sample")"

mapfile -t files < <(find "$source/core" "$source/tui" -name '*.[ch]' | sort)
[ ${#files[@]} -gt 200 ] || fail "${#files[@]} files under $source"
found=$(by_hand "${files[@]}")
[ -z "$found" ] || fail "written by hand: $found"

# Parts of a text alone: those who show one in quotes, and those who change a file of somebody else.
parts=$(grep -lE '\bjson_put_(string|number|tree)\(' "${files[@]}" |
  grep -vE '/(base/json_(writer|edit)|model/config_values|text/dataset/record_look|job/export/export_sidecars|cli/dry_run_view)\.[ch]$')
[ -z "$parts" ] || fail "json_put_string() and the like, where json_text() and the like would do: $parts"

[ $failures -eq 0 ] && echo "json_writer: ${#files[@]} files"
exit $((failures > 0))
