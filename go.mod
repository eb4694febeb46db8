module logveil

go 1.26
