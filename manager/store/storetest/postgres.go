package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

// Server is a PostgreSQL that runs: the one of this test binary, or a program's.
type Server struct {
	folder string
	proc   *exec.Cmd
	done   chan error
}

var (
	inMain  bool // Main runs, and will stop what is started
	running *Server
	start   = sync.OnceValues(func() (s *Server, err error) {
		s, err = Start(forgetful...)
		running = s
		return s, err
	})
	count atomic.Int64
)

// Main runs a binary's tests, and stops the PostgreSQL that they used.
func Main(m *testing.M) { os.Exit(Tests{m}.Run()) }

// Tests are a binary's, for a TestMain that has more to do than Main.
type Tests struct{ M *testing.M }

// Run runs them, and stops the PostgreSQL that they used.
func (t Tests) Run() int {
	inMain = true
	code := t.M.Run()
	if running != nil {
		if err := running.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

// Postgres is the address of a new, empty database. A test that can't have one
// fails.
func Postgres(t testing.TB) string {
	t.Helper()
	if !inMain {
		t.Fatal("storetest: this package's tests have no TestMain that calls storetest.Main")
	}
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	url, err := s.Database(t.Context(), fmt.Sprintf("test%d", count.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func (s *Server) url(name string) string {
	return "postgres://postgres@/" + name + "?host=" + s.folder
}

// Database makes an empty one, and returns its address.
func (s *Server) Database(ctx context.Context, name string) (url string, err error) {
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return "", fmt.Errorf("PostgreSQL: %w", err)
	}
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+name)
	return s.url(name), errors.Join(err, db.Close())
}

// program finds one of PostgreSQL's, the newest that is installed.
func program(name string) (string, error) {
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); err == nil && len(found) > 0 {
		return found[len(found)-1], nil
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("PostgreSQL's %s isn't installed\nhint: sudo apt-get install postgresql", name)
	}
	return found, nil
}

// forgetful settings leave out what only a power loss needs.
var forgetful = []string{"fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB"}

// Start starts one with settings, in a process that doesn't outlive this one. What
// there is of it after an error is to be stopped, too.
func Start(settings ...string) (*Server, error) {
	folder, err := os.MkdirTemp("", "rlv-pg") // short: it's a socket's path
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	s := &Server{folder: folder, done: make(chan error, 1)}
	as, err := s.owner()
	if err != nil {
		return s, err
	}
	if err := s.initialise(as); err != nil {
		return s, err
	}
	if err := s.launch(as, settings); err != nil {
		return s, err
	}
	return s, s.ready()
}

// owner is whom the server runs as: root it refuses, so then nobody.
func (s *Server) owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL doesn't run as root: %w", err)
	}
	uid, errU := strconv.Atoi(nobody.Uid)
	gid, errG := strconv.Atoi(nobody.Gid)
	if err := errors.Join(errU, errG, os.Chown(s.folder, uid, gid)); err != nil {
		return nil, fmt.Errorf("PostgreSQL's folder: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (s *Server) initialise(as *syscall.Credential) error {
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	cmd := exec.Command(initdb, "--pgdata", filepath.Join(s.folder, "data"), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	cmd.Dir = s.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) launch(as *syscall.Credential, settings []string) error {
	postgres, err := program("postgres")
	if err != nil {
		return err
	}
	args := []string{"-D", filepath.Join(s.folder, "data"), "-k", s.folder, "-h", "", "-c", "max_connections=200"}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	s.proc = exec.Command(postgres, args...)
	s.proc.Dir = s.folder
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return fmt.Errorf("PostgreSQL's log: %w", err)
	}
	s.proc.Stdout, s.proc.Stderr = log, log
	s.proc.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig is of the thread that started it
		err := s.proc.Start()
		started <- err
		if err == nil {
			s.done <- s.proc.Wait()
		}
	}()
	if err := errors.Join(<-started, log.Close()); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return nil
}

// ready waits until it answers.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case end := <-s.done:
			s.done <- end
			return fmt.Errorf("PostgreSQL ended (%v):\n%s", end, s.log())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL doesn't answer: %w\n%s", err, s.log())
		}
	}
}

func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Stop ends it without ceremony, and removes its folder.
func (s *Server) Stop() error {
	if s.proc != nil && s.proc.Process != nil {
		_ = s.proc.Process.Signal(syscall.SIGQUIT) // may have ended
		var exit *exec.ExitError                   // as it was told to
		if err := <-s.done; err != nil && !errors.As(err, &exit) {
			return fmt.Errorf("PostgreSQL's end: %w", err)
		}
	}
	if err := os.RemoveAll(s.folder); err != nil {
		return fmt.Errorf("PostgreSQL's folder: %w", err)
	}
	return nil
}
