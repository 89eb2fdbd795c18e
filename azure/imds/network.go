package imds

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
)

// Interface is a NIC of this VM as Azure's data plane has it.
type Interface struct {
	MAC       net.HardwareAddr
	Addresses []netip.Addr // private ones, IPv4
}

// Interfaces lists the VM's NICs.
func (c *Client) Interfaces(ctx context.Context) ([]Interface, error) {
	body, err := c.get(ctx, "/metadata/instance/network/interface", url.Values{"api-version": {"2021-02-01"}})
	if err != nil {
		return nil, err
	}
	return parseInterfaces(body)
}

// Lists reports whether Azure has given all of addrs to the NIC that also has own,
// its primary address: of no address it is never true, as a gate may rest on it. The
// error is ErrNoInterface if no NIC has own.
func (c *Client) Lists(ctx context.Context, own netip.Addr, addrs ...netip.Addr) (bool, error) {
	all, err := c.Interfaces(ctx)
	if err != nil {
		return false, err
	}
	for _, nic := range all {
		if slices.Contains(nic.Addresses, own) {
			return len(addrs) > 0 && !slices.ContainsFunc(addrs, func(addr netip.Addr) bool { return !slices.Contains(nic.Addresses, addr) }), nil
		}
	}
	return false, fmt.Errorf("%w: none has the address %s", ErrNoInterface, own)
}

type interfaceBody struct {
	MAC  string `json:"macAddress"` // twelve hex digits
	IPv4 struct {
		Addresses []struct {
			Private string `json:"privateIpAddress"`
		} `json:"ipAddress"`
	} `json:"ipv4"`
}

func parseInterfaces(body []byte) ([]Interface, error) {
	if body = bytes.TrimSpace(body); len(body) == 0 || body[0] != '[' {
		return nil, fmt.Errorf("%w: network interfaces are no list", ErrAnswer)
	}
	var parsed []interfaceBody
	if err := json.Unmarshal(body, &parsed); err != nil {
		return nil, fmt.Errorf("%w: network interfaces: %v", ErrAnswer, err)
	}
	all := make([]Interface, len(parsed))
	for i, nic := range parsed {
		mac, err := hex.DecodeString(nic.MAC)
		if err != nil || len(mac) != 6 {
			return nil, fmt.Errorf("%w: MAC address %q is not twelve hex digits", ErrAnswer, nic.MAC)
		}
		all[i].MAC = mac
		for _, address := range nic.IPv4.Addresses {
			addr, err := netip.ParseAddr(address.Private)
			if err != nil || !addr.Is4() {
				return nil, fmt.Errorf("%w: %q is no IPv4 address", ErrAnswer, address.Private)
			}
			all[i].Addresses = append(all[i].Addresses, addr)
		}
	}
	return all, nil
}
