module github.com/swaggo/files/v2

go 1.26.0
