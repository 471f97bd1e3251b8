# shellcheck shell=bash disable=SC2034,SC2154
# What tests share that train with usual options and with others in their place: an option is given
# once. Of usual=(--steps 4 --lr 1e-3), an option and its value each, `defaults` are those that are
# not among the arguments.
unless_given() { # unless_given "$@"
    local i given=" $* "
    defaults=()
    for ((i = 0; i < ${#usual[@]}; i += 2)); do
        [[ $given == *" ${usual[i]} "* ]] || defaults+=("${usual[@]:i:2}")
    done
}
