package main

func serveCrowd() error             { return nil }
func crowdedPoP() (string, error)   { return "", nil }
func witnessCost() (string, error)  { return "", nil }
