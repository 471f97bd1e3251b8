#!/bin/bash
# What `spectrum doctor` says of the Python that engines would run with. The Pythons are shell scripts that
# answer as one would: complete, old, without a package, broken, hostile. No real one is asked.
# Argument: binary.
set -eu
spectrum=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset VIRTUAL_ENV
fail() {
  echo "$1" >&2
  head -n 50 out err >&2
  exit 1
}
has() { grep -qF -- "$2" "$1" || fail "$1 has no \"$2\""; }

# python NAME VERSIONS LOOK: answers VERSIONS where versions are asked, LOOK where PyTorch is imported. Each
# is a shell command.
python() {
  mkdir -p "$(dirname "$1")"
  cat >"$1" <<SCRIPT
#!/bin/sh
[ "\$1" = -c ] || exit 9
case \$2 in
*"import torch"*) engine=\$3; $3 ;;
*) $2 ;;
esac
SCRIPT
  chmod +x "$1"
}
packages='"torch": "2.15.0+cu130", "transformers": "5.24.0", "safetensors": "0.8.0", "peft": "0.21.2",
  "accelerate": "1.15.0", "deepspeed": "0.19.8", "trl": "1.16.0", "datasets": "5.2.0", "axolotl": null'
packages=$(echo $packages)
answer() { # answer PYTHON PACKAGES
  printf "echo '%s'" "{\"python\": \"$1\", \"environment\": true, \"torchrun\": true, \"packages\": {$2}}"
}
look='echo "{\"cuda\": \"13.2\", \"gloo\": true, \"nccl\": true, \"ninja\": true, \"compiler\": true, \"devices\": []}"'
doctor() { # doctor STATUS ARGUMENT...
  local wanted=$1 status=0
  shift
  "$spectrum" doctor "$@" >out 2>err || status=$?
  [ $status = "$wanted" ] || fail "spectrum doctor $* ended with $status, not with $wanted"
}

# All of it is there.
python good/bin/python "$(answer 3.11.7 "$packages")" "$look"
doctor 0 --python good/bin/python
has out "python     3.11.7, $PWD/good/bin/python (--python)"
has out 'torch      2.15.0+cu130, CUDA 13.2, gloo, nccl'
has out 'fsdp2      can run'
has out 'processes share the CPU'
has out 'axolotl    cannot: Python is 3.11.7 and 3.12 is needed, no axolotl'
has out 'python3.12 -m venv axolotl-venv && axolotl-venv/bin/pip install axolotl==0.21.0'
[ -s err ] && fail "it says something on standard error"
doctor 0 --engine fsdp2 --python good/bin/python
has out 'torch          2.15.0+cu130 2.10       2.15.0'
has out 'tied-head: '
grep -q zero3-recompute out && fail "fsdp2 has a trap of DeepSpeed's"
doctor 0 --engine deepspeed --python good/bin/python
has out 'refused    DeepSpeed below 0.19.3'
doctor 1 --engine axolotl --python good/bin/python
has err 'spectrum: axolotl cannot run with'
doctor 0 --json --python good/bin/python
has out '{"format": "spectrum.doctor", "version": 1, "python": {"program":'
has out '"engine": "trl", "can_run": true'

# Which Python: the environment that is active, else python3 on $PATH; a name is sought there, too.
VIRTUAL_ENV=$PWD/good doctor 0 --engine fsdp2
has out 'good/bin/python ($VIRTUAL_ENV)'
python path/python3 "$(answer 3.12.1 "$packages")" "$look"
PATH=$PWD/path:$PATH doctor 0 --engine trl
has out "$PWD/path/python3 (python3 on \$PATH)"
PATH=$PWD/path:$PATH VIRTUAL_ENV=$PWD/nothing doctor 0 --engine trl
has out "python3 on \$PATH: \$VIRTUAL_ENV ($PWD/nothing) has none"
PATH=$PWD/path:$PATH doctor 0 --engine trl --python python3
has out "$PWD/path/python3 (--python)"
PATH=path:. doctor 1
has err 'there is no Python: --python names none'
doctor 1 --python nowhere/python
has err '--python: nowhere/python is not a program'

# What is missing or too old is named, with the line for it.
python old/python "$(answer 3.11.7 "${packages/2.15.0+cu130/2.5.1}")" "$look"
doctor 1 --engine fsdp2 --python old/python
has out 'cannot: torch is 2.5.1 and 2.10 is needed'
has out "$PWD/old/python -m pip install torch==2.15.0"
python few/python "$(answer 3.11.7 "${packages/\"1.16.0\"/null}")" "$look"
doctor 1 --engine trl --python few/python
has out 'cannot: no trl'
grep -qxE ' +[^ ]+/few/python -m pip install trl==1.16.0' out || fail "it installs more than what is missing"
python ds/python "$(answer 3.11.7 "${packages/0.19.8/0.19.2}")" "$look"
doctor 1 --engine deepspeed --python ds/python
has out 'deepspeed is 0.19.2 and 0.19.3 is needed'
python "a b/python" "$(answer 3.11.7 "${packages/\"1.16.0\"/null}" | sed 's/"environment": true/"environment": false/')" "$look"
doctor 1 --engine trl --python "a b/python"
has out "'$PWD/a b/python' -m venv trl-venv && trl-venv/bin/pip install torch==2.15.0"
python no/python "$(answer 3.11.7 "" | sed 's/"torchrun": true/"torchrun": false/')" 'echo "torch was imported" >&2; exit 1'
doctor 1 --python no/python
has out 'torch      not there'
has out 'cannot: no torch, no transformers'
has err 'no engine can run'
python run/python "$(answer 3.11.7 "$packages" | sed 's/"torchrun": true/"torchrun": false/')" "$look"
doctor 1 --engine fsdp2 --python run/python
has out 'cannot: no torchrun'

# What PyTorch says of itself: it cannot be imported, no compiler, GPUs, no NCCL for them.
python bad/python "$(answer 3.11.7 "$packages")" 'echo "{\"trouble\": \"ImportError: libcudart\\u001b[31m: $engine\"}"'
doctor 1 --engine deepspeed --python bad/python
has out 'cannot: importing it fails: ImportError: libcudart?[31m: deepspeed'
python cc/python "$(answer 3.11.7 "$packages")" "${look/ \\\"compiler\\\": true/ \\\"compiler\\\": false}"
doctor 0 --engine deepspeed --python cc/python
has out 'no C++ compiler'
gpus='{\"name\": \"NVIDIA H200\", \"memory\": 150000000000}'
python gpu/python "$(answer 3.12.1 "$packages")" "${look/[]/[$gpus, $gpus]}"
doctor 0 --engine fsdp2 --python gpu/python
[ "$(grep -c 'NVIDIA H200, 140 GiB' out)" = 2 ] || fail "two GPUs are not listed"
grep -q 'share the CPU' out && fail "with GPUs the CPU is shared"
python nonccl/python "$(answer 3.12.1 "$packages")" \
  "$(echo "${look/[]/[$gpus]}" | sed 's/nccl\\": true/nccl\\": false/')"
doctor 1 --engine fsdp2 --python nonccl/python
has out 'has no NCCL'
many=$(for _ in $(seq 40); do printf '%s,' "$gpus"; done)
python many/python "$(answer 3.12.1 "$packages")" "${look/[]/[${many%,}]}"
doctor 0 --engine fsdp2 --python many/python
has out 'and 24 more'

# Noise before the answer is no answer; nonsense, too much and silence are errors, and nothing hangs.
python noisy/python "echo warning; echo '{'; $(answer 3.11.7 "$packages"); echo >&2 more" "$look"
doctor 0 --engine fsdp2 --python noisy/python
for hostile in 'echo hello' 'echo "[1]"' 'echo "{\"python\": 3}"' 'echo "{\"python\": \"x\"}"' 'exit 0' \
  'printf "{\"python\": \"3.11\\0\"}"' 'while :; do echo "{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}"; done' \
  'printf "{\"python\": \"3.11\", \"python\": \"3.12\"}"' 'yes "[" | head -n 100000 | tr -d "\n"'; do
  python hostile/python "$hostile" "$look"
  doctor 1 --engine fsdp2 --python hostile/python
  [ -s out ] && fail "of $hostile a report is made"
done
python hostile/python 'echo "Traceback"; echo "no module named sys" >&2; exit 3' "$look"
doctor 1 --python hostile/python
has err 'ended with status 3: no module named sys'
python hostile/python "$(answer '3.11.7\u001b]0;title\u0007' "\"torch\": \"2.15.0\\u009b31m\", \"trl\": {\"a\": 1}")" "$look"
doctor 1 --python hostile/python
grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2\x9b' out err && fail "a control character reaches the terminal"
has out '3.11.7?]0;title?'

# A folder where somebody stands is not asked for modules: a real Python, where there is one.
if real=$(command -v python3); then
  echo 'open("imported", "w")' | tee json.py os.py >shutil.py
  "$spectrum" doctor --python "$real" >out 2>err || true
  [ -e imported ] && fail "a module of the folder was imported"
  has out "python     3."
fi

# Wrong usage is said before anything is asked.
doctor 2 --engine here
has err 'needs nothing'
doctor 2 --engine nothing
has err '--engine takes fsdp2, deepspeed, trl or axolotl'
doctor 2 model
has err 'takes no "model"'
exit 0
