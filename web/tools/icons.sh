#!/bin/sh
# Draws public/icons/*.png from icon.svg with Chromium. Run by hand when the sign changes; the pictures are committed.
set -eu
cd "$(dirname "$0")/../public/icons"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
body=$(sed 's/^<svg[^>]*>//; s/<\/svg>$//' icon.svg)
square=$(printf %s "$body" | sed 's/rx="112"//')
sign=$(printf %s "$body" | sed 's/<rect[^>]*>//')
# draw NAME SIZE VIEWBOX CONTENT
draw() {
  printf '<style>body{margin:0}svg{display:block}</style><svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="%s">%s</svg>' \
    "$2" "$2" "$3" "$4" >"$work/page.html"
  chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync \
    --disable-component-update --user-data-dir="$work/profile" --default-background-color=00000000 \
    --hide-scrollbars --window-size="$2,$2" --screenshot="$1" "file://$work/page.html" 2>/dev/null
}
draw icon-192.png 192 "0 0 512 512" "$body"
draw icon-512.png 512 "0 0 512 512" "$body"
draw icon-180.png 180 "0 0 512 512" "$square"
draw maskable-512.png 512 "-64 -64 640 640" "<rect x=\"-64\" y=\"-64\" width=\"640\" height=\"640\" fill=\"#0e6655\"/>$sign"
draw badge-96.png 96 "100 60 312 400" "$sign"
