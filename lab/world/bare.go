package world

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/gateway"
	"releve.dev/releve/lab/resolver"
	"releve.dev/releve/lab/room"
)

// Names by which a bare lab's hosts are known, outside and in: what a set-up tool
// outside is told is right in the guests, too.
const (
	armName     = "management.azure.test"
	managerName = "manager.releve.test"
	blobSuffix  = "azure.test"
	blobName    = azuresite.ImageAccount + ".blob." + blobSuffix
)

// azureDNS answers each VM, whatever its security groups say (Azure's "What is IP
// address 168.63.129.16"): here, as with the metadata service, the guest's loopback.
var azureDNS = netip.MustParseAddr("168.63.129.16")

// resolvers are two public ones.
var resolvers = map[string]netip.Addr{"resolver-1": netip.MustParseAddr("1.1.1.1"), "resolver-2": netip.MustParseAddr("8.8.8.8")}

// dnsPort is the same everywhere.
const dnsPort = 53

// zone is what the whole Internet of the lab knows.
func (w *World) zone() resolver.Zone {
	return resolver.Zone{armName: azuresite.AzureAddr, blobName: azuresite.AzureAddr, managerName: azuresite.ManagerAddr,
		"internet.test": azuresite.InternetAddr, "pop1.releve.test": azuresite.PoP1Addr}
}

// private is what vm1's resolver knows, as one that a VNet has for itself: nothing of
// the Internet.
var private = resolver.Zone{"vm1.internal.test": azuresite.VM1Addr}

// endpoint is where the lab's ARM is.
func (w *World) endpoint() string {
	if w.opt.Bare {
		return "https://" + armName
	}
	return "https://" + azuresite.AzureAddr.String()
}

// startBare starts what only a bare lab has: resolvers, and the host of the VMs.
func (w *World) startBare() error {
	for node, addr := range resolvers {
		if err := w.bootPublic(node, addr); err != nil {
			return err
		}
		if err := w.serveNames(node, addr, w.zone()); err != nil {
			return err
		}
	}
	if err := w.serveNames(VM1, azuresite.VM1Addr, private); err != nil {
		return err
	}
	w.metal = newMetal(w)
	w.azure.OnMachine(w.metal.tell)
	w.later(w.metal.end)
	return nil
}

// serveNames answers DNS in a host, until the lab ends.
func (w *World) serveNames(node string, addr netip.Addr, zone resolver.Zone) error {
	host, err := w.Host(node)
	if err != nil {
		return err
	}
	server, err := serveNamesIn(host, addr, zone)
	if err == nil {
		w.later(func() { _ = server.Close() })
	}
	return err
}

func serveNamesIn(host *room.Host, addr netip.Addr, zone resolver.Zone) (*resolver.Server, error) {
	listener, err := host.Listen(netip.AddrPortFrom(addr, dnsPort).String())
	if err != nil {
		return nil, fmt.Errorf("answer DNS in %s: %w", host.Name, err)
	}
	packets, err := host.ListenUDP(&net.UDPAddr{IP: addr.AsSlice(), Port: dnsPort})
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("answer DNS in %s: %w", host.Name, err)
	}
	return resolver.Serve(zone, packets, listener), nil
}

// packages are the built ones that the lab's image has and its blobs offer.
func (w *World) packages() ([]string, error) {
	list, err := filepath.Glob(filepath.Join(filepath.Dir(w.opt.Agent), "releve-vsocket_*.deb"))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("there is no package of the vSocket beside %s\nhint: make build package", w.opt.Agent)
	}
	slices.Sort(list)
	return list[len(list)-1:], nil
}

// PackageURL is where the package lies for VMs that don't have it.
func (w *World) PackageURL() string { return "https://" + blobName + "/packages/releve-vsocket.deb" }

// PackageSum is its SHA-256, in hex.
func (w *World) PackageSum() (string, error) {
	list, err := w.packages()
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(list[0])
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// withBlobs serves the package besides what the emulated Azure serves.
func (w *World) withBlobs(azure http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			name = r.Host
		}
		if name != blobName || path.Dir(r.URL.Path) != "/packages" {
			azure.ServeHTTP(rw, r)
			return
		}
		list, err := w.packages()
		if err != nil || path.Base(r.URL.Path) != "releve-vsocket.deb" {
			http.NotFound(rw, r)
			return
		}
		http.ServeFile(rw, r, list[0])
	})
}

// wayInTime bounds the opening of a connection into the lab. It is generous: the
// machine may be busy.
const wayInTime = 30 * time.Second

// OpenGateway lets programs outside reach the lab's hosts by their names, by a proxy on
// a listener, until the lab ends.
func (w *World) OpenGateway(listener net.Listener) {
	server := gateway.Server(func(address string) (net.Conn, error) {
		name, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if addr, found := w.zone().Lookup(name); found {
			name = addr.String()
		}
		if _, err := netip.ParseAddr(name); err != nil {
			return nil, fmt.Errorf("the lab has no host %s", name)
		}
		host, err := w.Host(Internet)
		if err != nil {
			return nil, err
		}
		return host.Dial(net.JoinHostPort(name, port), wayInTime)
	})
	w.later(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
}

// StockImage is one that doesn't have the package.
const StockImage = "Debian:debian-13:13-gen2:latest"

// Endpoint is where the lab's ARM is, and ManagerName who its manager is, inside and by
// the gateway.
func (w *World) Endpoint() string    { return w.endpoint() }
func (w *World) ManagerName() string { return managerName }

// administrator is who sets a site up in a bare lab: Owner of the two resource groups,
// and nobody elsewhere (D10). As a user of Azure, and unlike the emulator's own
// administrator, it is refused what roles don't allow.
var administrator = emulator.Application{
	ClientID: "00000000-0000-4000-8000-0000000000e1", ObjectID: "00000000-0000-4000-8000-0000000000e2", Name: "administrator", Secret: "bare-lab",
}

// Administrator is the application by which one signs in to the lab's Azure.
func (w *World) Administrator() (id, secret string) {
	return administrator.ClientID, administrator.Secret
}

// admit lets the administrator in.
func (w *World) admit() error {
	if err := w.azure.AddApplication(administrator); err != nil {
		return fmt.Errorf("admit the administrator to the emulated Azure: %w", err)
	}
	return w.place(w.layout.Owners(administrator.ObjectID))
}

// CA is the certificate that the lab's Azure is to be trusted by.
func (w *World) CA() []byte { return w.azure.CA() }
