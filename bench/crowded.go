package main

func crowdedPoP() (string, error)  { return "", nil }
func witnessCost() (string, error) { return "", nil }
