module logveil/bench/peers/protocol

go 1.26
