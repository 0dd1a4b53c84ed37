# bash completion for penstock

_penstock() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
        local commands="render apply agent list explain verify diff lab cleanup"

        if [ "$COMP_CWORD" -eq 1 ]; then
                mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
                return
        fi
        case $prev in
        -f | --filename | --to | --rules | --sets | --socket | --config | --kubeconfig)
                compopt -o filenames 2>/dev/null # a directory goes on with a slash
                mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return
                ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W "text json" -- "$cur") && return ;;
        --backend) mapfile -t COMPREPLY < <(compgen -W "iptables iptables-nft iptables-legacy" -- "$cur") && return ;;
        --own-node-egress) mapfile -t COMPREPLY < <(compgen -W "Allow Policy" -- "$cur") && return ;;
        --log-level) mapfile -t COMPREPLY < <(compgen -W "error warning info debug" -- "$cur") && return ;;
        --log-format) mapfile -t COMPREPLY < <(compgen -W "text json" -- "$cur") && return ;;
        --deny) mapfile -t COMPREPLY < <(compgen -W "drop reject" -- "$cur") && return ;;
        --protocol) mapfile -t COMPREPLY < <(compgen -W "TCP UDP SCTP ICMP" -- "$cur") && return ;;
        --part) mapfile -t COMPREPLY < <(compgen -W "sets ipv4 ipv6" -- "$cur") && return ;;
        esac
        [ "$command" != lab ] || command="lab ${COMP_WORDS[2]}"
        if [[ $cur == -* ]]; then
                # The options stand in the help text: one place to keep true.
                mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" $command --help 2>/dev/null |
                        sed -n 's/^  [- ][a-z ][, ] \(--[a-z-]*\).*/\1/p')" -- "$cur")
                return
        fi
        case $command in
        list) mapfile -t COMPREPLY < <(compgen -W "policies pods chains sets" -- "$cur") ;;
        lab*) [ "$COMP_CWORD" -eq 2 ] && mapfile -t COMPREPLY < <(compgen -W "up apply probe explain exec down" -- "$cur") ;;
        esac
}
complete -F _penstock penstock
