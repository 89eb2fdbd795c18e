package sim

import (
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/site"
)

// The site in Azure: what the two vSockets need of it and no more.
const (
	groupID  = "/subscriptions/" + store.DefaultSubscription + "/resourceGroups/rg"
	vnetID   = groupID + "/providers/Microsoft.Network/virtualNetworks/vnet"
	subnetID = vnetID + "/subnets/lan"
	nsgID    = groupID + "/providers/Microsoft.Network/networkSecurityGroups/lan"
	asgID    = groupID + "/providers/Microsoft.Network/applicationSecurityGroups/vsockets"
	identity = "11111111-0000-4000-8000-000000000001" // object id of the managed identity

	ownerRole  = "/subscriptions/" + store.DefaultSubscription + "/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	assignment = groupID + "/providers/Microsoft.Authorization/roleAssignments/22222222-0000-4000-8000-000000000001"
)

var nicIDs = [3]string{"", nicID(site.Primary), nicID(site.Secondary)}

func nicID(side site.Side) string {
	return groupID + "/providers/Microsoft.Network/networkInterfaces/" + side.String()
}

func vmID(side site.Side) string {
	return groupID + "/providers/Microsoft.Compute/virtualMachines/" + side.String()
}

var (
	nicPaths = [3]string{"", nicID(site.Primary) + "?api-version=2024-05-01", nicID(site.Secondary) + "?api-version=2024-05-01"}
	vmPaths  = [3]string{"", vmID(site.Primary) + "?api-version=2024-07-01&$expand=instanceView", vmID(site.Secondary) + "?api-version=2024-07-01&$expand=instanceView"}
)

const floatingConfig = `,{"name":"fip","properties":{"privateIPAddress":"10.102.2.200","privateIPAllocationMethod":"Static","subnet":{"id":"` + subnetID + `"}}}`

// nicBody is a LAN NIC with what a careless failover loses (requirement B5).
func nicBody(own, floating string) string {
	return `{"location":"westeurope","tags":{"owner":"ops"},"fromTheFuture":{"a":[1,2]},
	"properties":{"enableIPForwarding":true,"future":{"deep":1.50},"networkSecurityGroup":{"id":"` + nsgID + `"},
	"dnsSettings":{"dnsServers":["10.9.9.9"]},
	"ipConfigurations":[{"name":"ipconfig1","novel":true,"properties":{"privateIPAddress":"` + own + `","privateIPAllocationMethod":"Static",
	"novelInside":"x","primary":true,"subnet":{"id":"` + subnetID + `"},"applicationSecurityGroups":[{"id":"` + asgID + `"}]}}` + floating + `]}}`
}

func vmBody(side site.Side) string {
	return `{"location":"westeurope","properties":{"networkProfile":{"networkInterfaces":[{"id":"` + nicID(side) + `"}]}}}`
}

var originals = [3]string{"", nicBody("10.102.2.10", floatingConfig), nicBody("10.102.2.11", "")}

var resources = [][2]string{
	{groupID, `{"location":"westeurope"}`},
	{assignment, `{"properties":{"roleDefinitionId":"` + ownerRole + `","principalId":"` + identity + `"}}`},
	{nsgID, `{"location":"westeurope"}`},
	{asgID, `{"location":"westeurope"}`},
	{vnetID, `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.102.0.0/16"]},"subnets":[{"name":"lan","properties":{"addressPrefix":"10.102.2.0/24"}}]}}`},
	{nicID(site.Primary), originals[site.Primary]},
	{nicID(site.Secondary), originals[site.Secondary]},
	{vmID(site.Primary), vmBody(site.Primary)},
	{vmID(site.Secondary), vmBody(site.Secondary)},
}
