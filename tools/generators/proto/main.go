// Command proto writes the Go of a .proto file: proto FOLDER FILE PLUGIN[=PARAMETER]...
// It is protoc without protoc: the file is compiled here, and the plugins are
// run as Go tools of this module.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: proto FOLDER FILE PLUGIN[=PARAMETER]...")
		os.Exit(2)
	}
	if err := generate(context.Background(), os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "proto:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, folder, file string, plugins []string) error {
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{folder}},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(ctx, file)
	if err != nil {
		return err
	}
	descriptor := protoutil.ProtoFromFileDescriptor(files[0])
	for _, plugin := range plugins {
		name, parameter, _ := strings.Cut(plugin, "=")
		if err := run(ctx, folder, descriptor, name, parameter); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// run gives the plugin its request and writes the files that it answers with.
func run(ctx context.Context, folder string, file *descriptorpb.FileDescriptorProto, plugin, parameter string) error {
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.GetName()},
		Parameter:      &parameter,
		ProtoFile:      []*descriptorpb.FileDescriptorProto{file},
	})
	if err != nil {
		return err
	}
	tool := exec.CommandContext(ctx, "go", "tool", plugin)
	tool.Stdin, tool.Stderr = bytes.NewReader(request), os.Stderr
	raw, err := tool.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(raw, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return fmt.Errorf("%s", response.GetError())
	}
	for _, out := range response.File {
		if err := os.WriteFile(filepath.Join(folder, out.GetName()), []byte(out.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
