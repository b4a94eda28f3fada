#!/usr/bin/env bash
# What the action does: installs onnx-funnel, compares, and tells the steps that follow. The step that comes last fails where this found something.
set -euo pipefail

output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

fail() {
  printf '::error::%s\n' "$1"
  output exit-code 2
  exit 2
}

# Chrome, on GitHub's runners, and Chromium, on Debian, bring the adapter; libvulkan1 loads it.
install_software_adapter() {
  local sudo packages=(libvulkan1)
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  [ -f /opt/google/chrome/vk_swiftshader_icd.json ] || packages+=(chromium)
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}"
}

# Sets `funnel`, the command. This repository's own, where a workflow says `uses: ./`; else the version that goes with the action.
install_funnel() {
  local here=$GITHUB_ACTION_PATH version=${FUNNEL_VERSION:-} folder
  if [ -n "${FUNNEL_COMMAND:-}" ]; then
    read -ra funnel <<<"$FUNNEL_COMMAND"
    return
  fi
  if [ -z "$version" ] && [ "$(realpath "$here")" = "$(realpath "$GITHUB_WORKSPACE")" ]; then
    (cd "$here" && npm ci --no-audit --no-fund && npm run build)
    funnel=(node "$here/dist/src/cli/main.js")
    return
  fi
  version=${version:-$(node -p 'require(process.argv[1]).version' "$here/package.json")}
  folder=$RUNNER_TEMP/onnx-funnel
  mkdir -p "$folder"
  # CUDA's libraries come from outside the npm registry: only who asks for them gets them.
  case ",${FUNNEL_PROVIDERS:-}," in
    *,cuda,*) ;;
    *) export ONNXRUNTIME_NODE_INSTALL=skip ;;
  esac
  npm install --no-audit --no-fund --no-save --prefix "$folder" "onnx-funnel@$version"
  funnel=(node "$folder/node_modules/onnx-funnel/dist/src/cli/main.js")
}

# Sets `arguments`, without the reports.
choose() {
  if [ -n "${FUNNEL_A:-}" ] && [ -n "${FUNNEL_B:-}" ]; then
    [ -z "${FUNNEL_CONFIG:-}${FUNNEL_SHARD:-}" ] || fail 'a and b are one comparison: config and shard are of no use'
    arguments=(verify "$FUNNEL_A" "$FUNNEL_B")
    if [ -n "${FUNNEL_PROVIDERS:-}" ]; then arguments+=(--provider "$FUNNEL_PROVIDERS"); fi
  else
    [ -z "${FUNNEL_A:-}${FUNNEL_B:-}" ] || fail 'it takes two models: a and b'
    [ -z "${FUNNEL_PROVIDERS:-}" ] || fail 'a configuration names its providers itself'
    arguments=(ci)
    if [ -n "${FUNNEL_CONFIG:-}" ]; then arguments+=("$FUNNEL_CONFIG"); fi
    if [ -n "${FUNNEL_SHARD:-}" ]; then arguments+=(--shard "$FUNNEL_SHARD"); fi
  fi
  local argument
  while IFS= read -r argument; do
    if [ -n "$argument" ]; then arguments+=("$argument"); fi
  done <<<"${FUNNEL_ARGS:-}"
}

cd -- "${FUNNEL_DIRECTORY:-.}"
choose
if [ "${FUNNEL_SOFTWARE_ADAPTER:-false}" = true ]; then install_software_adapter; fi
install_funnel

mkdir -p -- "${FUNNEL_REPORTS:-funnel-report}"
reports=$(cd -- "${FUNNEL_REPORTS:-funnel-report}" && pwd)
# What an earlier run said is not what this one says.
rm -f "$reports"/{report.json,junit.xml,report.sarif,report.html}
arguments+=(--report "json=$reports/report.json" --report markdown --report github)
output reports "$reports"
files=()
for format in ${FUNNEL_FORMATS:-}; do
  case $format in
    junit) file=junit.xml ;;
    sarif) file=report.sarif ;;
    html) file=report.html ;;
    *) fail "there is no report $format: formats are junit, sarif and html" ;;
  esac
  arguments+=(--report "$format=$reports/$file")
  files+=("$format=$reports/$file")
done

code=0
"${funnel[@]}" "${arguments[@]}" || code=$?
status=invalid
if [ -f "$reports/report.json" ]; then
  output json "$reports/report.json"
  status=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1], "utf8")).status' "$reports/report.json")
fi
# The steps that follow are told of files that are there.
for report in ${files[@]+"${files[@]}"}; do
  if [ -f "${report#*=}" ]; then output "${report%%=*}" "${report#*=}"; fi
done
output status "$status"
output exit-code "$code"
