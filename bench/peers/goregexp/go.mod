module logveil/bench/peers/goregexp

go 1.26

require logveil/bench/peers/protocol v0.0.0

replace logveil/bench/peers/protocol => ../protocol
