"""Scripts drawn by Hypothesis: what people write in a shell, on few names, so that things meet.

A grammar: each symbol has lines, one of which is drawn, and in which other symbols stand as «symbol». Left out on
purpose is what two right shells may do differently: parts of a pipeline that race, sizes of directories, the order of
the names that a directory gives.
"""

import re

from hypothesis import strategies as st

GRAMMAR = {
    "file": ["a", "b", "c", "d", "d/a", "d/e", "d/e/f", "'x y'", "./a", "../w/b", "d/", "l", "nosuch/z", "."],
    "name": ["v", "w", "i"],
    "literal": [
        *("a", "b", "ab", "abcab", "d", "1", "7", "a:b::c", "l", "-n", "''", '""'),
        *("'a b'", '" x "', "a\\ b", "'*'", "\\*", "'x  y'", '"a"b', "'$v'"),
    ],
    "glob": ["*", "?", "[ab]", "d/*", "*/*", "x*", ".*", "[!a-c]*"],
    "expression": [
        *(
            "1+2*3",
            "v+1",
            "$# - 1",
            "(2+3)%4",
            "7/2",
            "-7/2",
            "1<2",
            "v==w",
            "i=i+1",
            "1?2:3",
            "~5",
            "1<<4",
            "010+0x10",
        ),
    ],
    "expansion": [
        *(
            "$«name»",
            '"$«name»"',
            "${«name»:-«literal»}",
            '"${«name»:+a b}"',
            "${«name»#a*}",
            "${«name»##*b}",
            "${#«name»}",
        ),
        *("${«name»%?}", "${«name»%%a*}", "$((«expression»))", "$#", "$1", "$*", '"$*"', '"$@"', "$@", "$?", '"x$@y"'),
        *("$(echo q r)", '"$(echo "a  b")"', "`pwd`", "$(cat «file» 2>/dev/null)"),
    ],
    "word": ["«literal»", "«literal»", "«expansion»", "«expansion»", "«glob»"],
    "words": ["", "«word»", "«word» «word»", "«word» «word» «word»"],
    "redirect": [
        *("", "", "", " > «file»", " >> «file»", " < «file»", " 2>&1", " 2>/dev/null", " >/dev/null", " 2>b"),
        *(" >a 2>&1", " 2>&1 >c", " >&2"),
    ],
    "condition": [
        *("[ «word» = «word» ]", "[ -f «file» ]", "[ -d «file» ]", "[ ! -e «file» ]", "[ -s «file» ]", "[ -L «file» ]"),
        *("[ -n «word» ]", "[ -z «word» ]", "[ $# -lt 2 ]", "[ ${i:-0} -ge 2 ]", "true", "false", "! true", "[ a ]"),
        *("test -d d -a -f a", "[ -f a -o -d d ]"),
    ],
    "printed": [
        *("echo «words»", "echo «words»", "printf '%s|' «words»", "printf '%d,%5s\\n' 0x1f «word»", "cat «file»"),
        *("cat «file» «file»", "head -c 3 «file»", "head -n 1 «file»", "tail -n 1 «file»", "tail -c +2 «file»"),
        *("wc -c «file»", "wc a", "ls -A «file»", "ls -R d", "find «file» | sort", "find . -name 'a*' | sort"),
        *("grep a «file»", "grep -c a «file»", "grep -v b «file»", "grep -o 'b.' «file»", "sort a", "sort -r b"),
        *("sort -n a b", "sort -u c", "stat -c '%a %F %h %n' «file»", "readlink «file»", "basename «literal»"),
        *("dirname «literal»", "seq 3", "seq 5 -2 1", "seq -w 9 10", "pwd", "echo $?", "nosuch", "echo err >&2"),
        *("uniq -c a", "cut -c2- a", "cat a | tr a-c A-C"),
    ],
    "change": [
        *(
            "mkdir «file»",
            "mkdir -p «file»",
            "touch «file»",
            "rm «file»",
            "rm -f «file» «file»",
            "rm -r d",
            "rm -r «file»",
        ),
        *("rmdir d/e", "rmdir «file»", "cp «file» «file»", "cp -r d c", "cp -r «file» d2", "cp -a l b", "cp -a d d3"),
        *("mv «file» «file»", "ln «file» «file»", "ln -s «file» «file»", "ln -sf «file» l", "chmod 644 «file»"),
        *(
            "chmod u+x «file»",
            "chmod go-r «file»",
            "chmod a=r «file»",
            "truncate -s 3 «file»",
            "truncate -s 5000 «file»",
        ),
        *("printf XY | dd of=a bs=1 seek=2 conv=notrunc 2>/dev/null", "printf hello | dd of=b bs=2 seek=1 2>/dev/null"),
        *(
            "dd if=«file» of=c bs=3 skip=1 count=2",
            "cd d && pwd",
            "cd /w",
            "cd «file»",
            "«name»=«word»",
            "set -- «words»",
        ),
        *(
            "read v w < a",
            "read v < «file»",
            "export «name»=«literal»",
            "shift",
            "unset v",
            "IFS=:",
            "unset IFS",
            "set -f",
        ),
        *("set +f", "set -e", "set -u", "umask 077", "tee b < a", "«name»=«literal»", "echo «word» > «file»"),
    ],
    "filter": [
        *("cat", "wc -c", "sort", "tr a-c A-C", "head -n 1", "grep a", "tail -n 1", "sort -r | uniq", "wc -l"),
        '{ read v; echo "<$v>"; }',
    ],
    "simple": [
        "«printed»«redirect»",
        "«change»",
        "«change» 2>&1",
        "«printed» | «filter»",
        "v=«literal» sh -c 'echo $v $0' «literal»",
    ],
    "command": [
        *("«simple»", "«simple»", "«simple»", "«condition» && «command»", "«simple» || «command»", "( «command» )"),
        *("if «condition»; then «command»; else «command»; fi", "for v in «words»; do «command»; done"),
        *("n=0; while [ $n -lt 3 ]; do n=$((n+1)); «command»; done", "{ «command»; }«redirect»", "! «simple»"),
        *(
            "for k in 1 2 3; do [ $k = 2 ] && break; «command»; done",
            "for k in 1 2 3; do [ $k = 2 ] && continue; «command»; done",
        ),
        *(
            "case «word» in a*|d) «command»;; [!ab]) echo x;; *) echo other;; esac",
            "f() { «command»; return 3; }; f «words»; echo $?",
        ),
        *(
            'v="$( «command»)"; echo "[$v]" $?',
            "«command»; «command»",
            "cat > a <<E\nline $v $(echo in)\nE\n",
            "eval '«plain»'",
        ),
    ],
    "plain": [
        "echo $v",
        'v=2; echo "$v"',
        "cd d",
        "cat a",
        "set -- a b; echo $#",
        "exit 4",
        "false",
        "for i in 1 2; do echo $i; done",
    ],
}
SYMBOL = re.compile("«(.*?)»")
DEEPEST = 3


@st.composite
def scripts(draw):
    """One to eight lines."""

    def line(symbol, depth):
        wanted = "simple" if symbol == "command" and depth > DEEPEST else symbol
        drawn = draw(st.sampled_from(GRAMMAR[wanted]))
        return SYMBOL.sub(lambda found: line(found[1], depth + (found[1] == "command")), drawn)

    return "\n".join(line("command", 0) for _ in range(draw(st.integers(1, 8))))
