package room

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// roleVar makes the test binary a lab of its own for the tests of how a room ends.
const roleVar = "ROOM_TEST_ROLE"

var whyNot error

func TestMain(m *testing.M) {
	if !Inside() {
		status, err := Enter(nil)
		if err == nil {
			os.Exit(status)
		}
		if !errors.Is(err, ErrNoRoom) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		whyNot = err
		if stage == stageFirst { // what needs no room is tested all the same
			os.Exit(m.Run())
		}
	}
	if role := os.Getenv(roleVar); role != "" {
		linger(role)
	}
	os.Exit(m.Run())
}

// linger starts a program that holds standard output open, then stays.
func linger(role string) {
	sleeper := exec.Command("sleep", "600")
	sleeper.Stdout = os.Stdout
	if err := sleeper.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGINT)
	fmt.Println("up")
	switch role {
	case "suicide":
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	case "status":
		os.Exit(7)
	}
	<-stop
	os.Exit(42)
}

func needRoom(t *testing.T) {
	t.Helper()
	if whyNot != nil {
		t.Skip(whyNot)
	}
}

func TestInsideIsARoomOfItsOwn(t *testing.T) {
	needRoom(t)
	if os.Getppid() != 1 {
		t.Errorf("parent is %d, want PID 1 of the room", os.Getppid())
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(Dir, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Errorf("%s is no tmpfs (type %x, %v)", Dir, fs.Type, err)
	}
	links, err := net.Interfaces()
	if err != nil || len(links) != 1 || links[0].Flags&net.FlagUp == 0 {
		t.Errorf("interfaces %v (%v), want loopback alone and up", links, err)
	}
}

func TestHostsHaveNetworksOfTheirOwn(t *testing.T) {
	needRoom(t)
	a, err := NewHost("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := NewHost("b")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	inA, err := a.Listen("127.0.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer inA.Close()
	inB, err := b.Listen("127.0.0.1:7000")
	if err != nil {
		t.Fatalf("the same port in another host: %v", err)
	}
	defer inB.Close()
	inA.Close()
	if conn, err := b.Dial("127.0.0.1:7000", time.Minute); err != nil {
		t.Errorf("b doesn't reach its own listener: %v", err)
	} else {
		conn.Close()
	}
	if conn, err := a.Dial("127.0.0.1:7000", time.Minute); err == nil {
		conn.Close()
		t.Error("a reaches b's listener")
	}
	own := exec.Command("readlink", "/proc/self/ns/net")
	out, err := own.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(own); err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(out)
	if err := own.Wait(); err != nil {
		t.Fatal(err)
	}
	idle := exec.Command("cat")
	if _, err := idle.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(idle); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[*Host][]int{a: {idle.Process.Pid}, b: nil} {
		if got, err := host.Processes(); err != nil || !slices.Equal(got, want) {
			t.Errorf("in %s run %v, %v; want %v", host.Name, got, err, want)
		}
	}
	_ = idle.Process.Kill()
	_ = idle.Wait()
	var stat unix.Stat_t
	if err := unix.Fstat(int(a.NS), &stat); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("net:[%d]\n", stat.Ino); string(text) != want {
		t.Errorf("program runs in %q, want %q", text, want)
	}
}

// However a room ends, nothing that ran in it is left: everything in it holds
// the pipe open, so its end of file is the proof.
func TestNothingOutlivesTheRoom(t *testing.T) {
	needRoom(t)
	for _, c := range []struct {
		role   string
		end    unix.Signal // to the outer process
		status int
	}{
		{"stay", unix.SIGKILL, -1},
		{"stay", unix.SIGINT, 42},
		{"suicide", 0, 137},
		{"status", 0, 7},
	} {
		t.Run(fmt.Sprintf("%s %v", c.role, c.end), func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), roleVar+"="+c.role)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			reader := bufio.NewReader(out)
			if line, err := reader.ReadString('\n'); line != "up\n" {
				t.Fatalf("the lab says %q, %v", line, err)
			}
			if c.end != 0 {
				if err := cmd.Process.Signal(c.end); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, reader)
				ended <- err
			}()
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Fatal("something of the room is still alive after 20 s")
			}
			_ = cmd.Wait()
			if c.status >= 0 && cmd.ProcessState.ExitCode() != c.status {
				t.Errorf("exit status %d, want %d", cmd.ProcessState.ExitCode(), c.status)
			}
		})
	}
}

// A user who sets the variable by hand must not loose the lab on the machine.
func TestAForgedStageIsNotBelieved(t *testing.T) {
	for _, value := range []string{"inside", "first:1:0", "inside:" + ownNet() + "x:0", "first:" + ownNet() + ":0", "::"} {
		t.Setenv(stageVar, value)
		if got, _ := takeStage(); got != stageOuter {
			t.Errorf("%q is believed: %q", value, got)
		}
	}
}
