// The same work in Go: a goroutine for each task, and a WaitGroup.
// Usage: go_server PORT_FILE
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

type task struct {
	Call string            `json:"call"`
	Args []json.RawMessage `json:"args"`
}

type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Tasks []task              `json:"tasks"`
		Call  string              `json:"call"`
		Over  [][]json.RawMessage `json:"over"`
	} `json:"params"`
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  []any           `json:"result"`
}

func call(of task) any {
	switch of.Call {
	case "noop":
		return nil
	case "sleep":
		var seconds float64
		if json.Unmarshal(of.Args[0], &seconds) == nil {
			time.Sleep(time.Duration(seconds * float64(time.Second)))
		}
		return nil
	}
	panic("unknown function " + of.Call)
}

func answer(of *request) []byte {
	tasks := of.Params.Tasks
	if of.Method == "map" {
		for _, args := range of.Params.Over {
			tasks = append(tasks, task{of.Params.Call, args})
		}
	}
	results := make([]any, len(tasks))
	var all sync.WaitGroup
	all.Add(len(tasks))
	for i := range tasks {
		go func(i int) {
			results[i] = call(tasks[i])
			all.Done()
		}(i)
	}
	all.Wait()
	text, err := json.Marshal(response{"2.0", of.ID, results})
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

// Requests of a connection run concurrently and are answered as they finish.
func serve(connection net.Conn) {
	defer connection.Close()
	answers := make(chan []byte, 64)
	go func() {
		out := bufio.NewWriterSize(connection, 1<<16)
		for text := range answers {
			out.Write(text)
			if len(answers) == 0 {
				out.Flush()
			}
		}
	}()
	var running sync.WaitGroup
	in := bufio.NewReaderSize(connection, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		of := new(request)
		if json.Unmarshal(line, of) != nil {
			break
		}
		running.Add(1)
		go func() {
			answers <- answer(of)
			running.Done()
		}()
	}
	running.Wait()
	close(answers)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if os.WriteFile(os.Args[1], []byte(fmt.Sprintln(listener.Addr())), 0o644) != nil {
		os.Exit(1)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go serve(connection)
	}
}
